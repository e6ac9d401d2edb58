//! What the program can be told about its Metered endpoint.

use crate::input::{json_object, read_key};
use clap::Args;
use confab_server::{MeteredClaims, MeteredConfig, MeteredKey, mint_metered};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Args)]
#[command(next_help_heading = "Metered")]
pub struct MeteredArguments {
    /// Publishable key (pk_…) that opens the endpoint /v1 for pages of Metered Realtime, may be repeated. In the environment
    /// separated by commas. Without keys there is no such endpoint.
    #[arg(long, value_name = "KEY", env = "CONFAB_METERED_KEYS", value_delimiter = ',')]
    metered_key: Vec<String>,
    /// Key of their tokens (HS256), by the id that these name as kid: 32 bytes or more. Better given in the environment, where
    /// commas separate them, or in a file.
    #[arg(
        long,
        value_name = "ID=SECRET",
        env = "CONFAB_METERED_SECRETS",
        hide_env_values = true,
        value_delimiter = ','
    )]
    metered_secret: Vec<String>,
    /// The same in a file of its own, may be repeated.
    #[arg(long, value_name = "ID=FILE")]
    metered_secret_file: Vec<String>,
}

fn pair<'a>(text: &'a str, form: &str) -> Result<(&'a str, &'a str), String> {
    text.split_once('=').ok_or_else(|| format!("a key of tokens is given as {form}"))
}

impl MeteredArguments {
    /// A variable that is set to nothing, or has nothing between two commas, is no key.
    pub fn forget_empty_variables(&mut self, is_variable: impl Fn(&str) -> bool) {
        for (name, texts) in [("metered_key", &mut self.metered_key), ("metered_secret", &mut self.metered_secret)] {
            if is_variable(name) {
                texts.retain(|text| !text.is_empty());
            }
        }
    }

    /// What they mean for the server.
    pub fn config(self) -> Result<Option<MeteredConfig>, String> {
        let mut config = MeteredConfig { publishable_keys: self.metered_key, token_keys: Vec::new() };
        for text in self.metered_secret {
            let (id, secret) = pair(&text, "ID=SECRET")?;
            config.token_keys.push(MeteredKey { id: id.to_owned(), secret: secret.as_bytes().to_vec() });
        }
        for text in &self.metered_secret_file {
            let (id, path) = pair(text, "ID=FILE")?;
            config.token_keys.push(MeteredKey { id: id.to_owned(), secret: read_key(Path::new(path))? });
        }
        let none = config.publishable_keys.is_empty() && config.token_keys.is_empty();
        Ok((!none).then_some(config))
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Metered")]
pub struct MeteredToken {
    /// For the endpoint /v1, under the key of this id, which is in the key file.
    #[arg(long, value_name = "ID", conflicts_with = "room")]
    pub metered: Option<String>,
    /// Channel that it opens, may be repeated: * is anything without a /, ** anything. All if not given.
    #[arg(long, value_name = "CHANNEL", requires = "metered")]
    channel: Vec<String>,
    /// What it permits, may be repeated: publish, subscribe, presence, send. All if not given.
    #[arg(long, value_name = "PERMISSION", requires = "metered", value_parser = ["publish", "subscribe", "presence", "send"])]
    permission: Vec<String>,
    /// What they learn themselves, iceServers for example, as a file with a JSON object: credentials may be in it.
    #[arg(long, value_name = "FILE", requires = "metered")]
    own_metadata_file: Option<PathBuf>,
}

impl MeteredToken {
    /// The token.
    pub fn mint(
        self,
        key: &[u8],
        sub: Option<String>,
        peer_metadata: Option<Map<String, Value>>,
        lifetime: Duration,
    ) -> Result<String, String> {
        let given = |texts: Vec<String>| (!texts.is_empty()).then_some(texts);
        let metadata = match &self.own_metadata_file {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|error| format!("{} can't be read: {error}", path.display()))?;
                Some(json_object(&text)?)
            }
        };
        let claims = MeteredClaims {
            sub,
            channels: given(self.channel),
            permissions: given(self.permission),
            peer_metadata,
            metadata,
            ..MeteredClaims::lasting(lifetime)
        };
        mint_metered(&self.metered.unwrap_or_default(), key, &claims).map_err(|error| error.to_string())
    }
}
