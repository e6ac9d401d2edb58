//! A page of Chromium as a peer: the verbs of `interop/page/peer.js`.

use crate::conformance::Outcome;
use confab_testkit::browser::{Browser, Page};
use serde_json::{Value, json};

/// The page, and how much of its log was read.
pub struct PagePeer {
    /// None once it is closed.
    page: Option<Page>,
    read: usize,
}

impl PagePeer {
    pub async fn start(browser: &Browser, name: &str, server: &str, options: &Value) -> Outcome<Self> {
        let page = browser.open(name).await?;
        let peer = Self { page: Some(page), read: 0 };
        peer.call("start", json!([server, options])).await?;
        Ok(peer)
    }

    fn page(&self) -> Outcome<&Page> {
        Ok(self.page.as_ref().ok_or("the page is closed")?)
    }

    /// Calls a method of the page's peer.
    pub async fn call(&self, method: &str, args: Value) -> Outcome<Value> {
        Ok(self.page()?.eval(&format!("return peer.{method}(...{args})")).await?)
    }

    /// Waits until an expression is truthy.
    pub async fn wait(&self, expression: &str) -> Outcome {
        self.page()?.wait(expression, expression).await?;
        Ok(())
    }

    pub async fn next(&mut self) -> Outcome<Vec<Value>> {
        // Shorter than the patience of who waits, who may have given up.
        let new = self.call("after", json!([self.read, 10_000])).await?;
        let new = new.as_array().cloned().unwrap_or_default();
        self.read += new.len();
        Ok(new)
    }

    pub async fn emit(&mut self, event: &str, args: Value) -> Outcome {
        self.call("emit", json!([event, args])).await.map(drop)
    }

    pub async fn emit_to(&mut self, id: &str, event: &str, args: Value) -> Outcome {
        self.call("emitTo", json!([id, event, args])).await.map(drop)
    }

    pub async fn raw(&mut self, id: &str, frame: Value) -> Outcome {
        self.call("raw", json!([id, frame])).await.map(drop)
    }

    pub async fn on(&mut self, tag: &str, event: &str, options: Value) -> Outcome {
        self.call("on", json!([tag, event, options])).await.map(drop)
    }

    pub async fn off(&mut self, tag: &str) -> Outcome {
        self.call("off", json!([tag])).await.map(drop)
    }

    pub async fn server_emit(&mut self, event: &str, args: Value) -> Outcome {
        self.call("serverEmit", json!([event, args])).await.map(drop)
    }

    pub async fn server_ask(&mut self, event: &str, args: Value) -> Outcome<Value> {
        self.call("serverAsk", json!([event, args])).await
    }

    pub async fn stream(&mut self, name: &str, tracks: Value, options: Value) -> Outcome<Value> {
        self.call("stream", json!([name, tracks, options])).await
    }

    pub async fn add_track(&mut self, name: &str, track: Value) -> Outcome {
        self.call("addTrack", json!([name, track])).await.map(drop)
    }

    pub async fn remove_track(&mut self, name: &str, kind: &str) -> Outcome {
        self.call("removeTrack", json!([name, kind])).await.map(drop)
    }

    pub async fn replace_track(&mut self, name: &str, track: Value) -> Outcome {
        self.call("replaceTrack", json!([name, track])).await.map(drop)
    }

    pub async fn replace(&mut self, name: &str, tracks: Value) -> Outcome {
        self.call("replace", json!([name, tracks])).await.map(drop)
    }

    pub async fn set_encoding(&mut self, name: &str, change: Value) -> Outcome {
        self.call("setEncoding", json!([name, change])).await.map(drop)
    }

    pub async fn untrack(&mut self, name: &str) -> Outcome {
        self.call("untrack", json!([name])).await.map(drop)
    }

    pub async fn channel(&mut self, tag: &str, name: &str, options: Value) -> Outcome {
        let peer = options.get("peer").cloned().unwrap_or_default();
        self.call("channel", json!([tag, name, options, peer])).await.map(drop)
    }

    pub async fn channel_on(&mut self, tag: &str, event: &str, options: Value) -> Outcome {
        self.call("channelOn", json!([tag, event, options])).await.map(drop)
    }

    pub async fn channel_emit(&mut self, tag: &str, event: &str, args: Value) -> Outcome {
        self.call("channelEmit", json!([tag, event, args])).await.map(drop)
    }

    pub async fn channel_send(&mut self, tag: &str, data: Value) -> Outcome<Value> {
        self.call("channelSend", json!([tag, data])).await
    }

    pub async fn channel_state(&mut self, tag: &str) -> Outcome<Value> {
        self.call("channelState", json!([tag])).await
    }

    pub async fn channel_close(&mut self, tag: &str) -> Outcome {
        self.call("channelClose", json!([tag])).await.map(drop)
    }

    pub async fn same_channel(&mut self, one: &str, other: &str) -> Outcome<bool> {
        Ok(self.call("sameChannel", json!([one, other])).await? == true)
    }

    pub async fn tracks(&mut self) -> Outcome<Value> {
        self.call("tracks", json!([])).await
    }

    pub async fn inbound(&mut self, id: &str) -> Outcome<Value> {
        self.call("inbound", json!([id])).await
    }

    pub async fn levels(&mut self, id: &str) -> Outcome<Value> {
        self.call("levels", json!([id])).await
    }

    pub async fn transport(&mut self, id: &str) -> Outcome<Value> {
        self.call("transport", json!([id])).await
    }

    pub async fn path(&mut self, id: &str) -> Outcome<Value> {
        self.call("path", json!([id])).await
    }

    pub async fn lines(&mut self, id: &str) -> Outcome<usize> {
        let lines = self.call("connection", json!([id])).await?["transceivers"].as_u64();
        Ok(lines.ok_or_else(|| format!("there is no peer {id}"))? as usize)
    }

    pub async fn restart_ice(&mut self, id: &str) -> Outcome {
        self.call("restartIce", json!([id])).await.map(drop)
    }

    pub async fn connect(&mut self) -> Outcome {
        self.call("connect", json!([])).await.map(drop)
    }

    pub async fn is_connected(&mut self) -> Outcome<bool> {
        Ok(self.call("connected", json!([])).await? == true)
    }

    pub async fn disconnect(&mut self) -> Outcome {
        self.call("disconnect", json!([])).await.map(drop)
    }

    pub async fn close(&mut self) -> Outcome {
        match self.page.take() {
            Some(page) => Ok(page.close().await?),
            None => Ok(()),
        }
    }

    pub async fn crash(&mut self) -> Outcome {
        match self.page.take() {
            Some(page) => Ok(page.crash().await?),
            None => Ok(()),
        }
    }
}
