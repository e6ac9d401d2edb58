//! Pages among themselves: they have to be right before anything else can be measured against them. These are also the
//! tests of the server with stock clients: another origin, long polling first, then WebSocket.

use crate::interop::{Outcome, SMALL, seen_and_heard};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use confab_media::{I420Frame, pattern};
use confab_testkit::browser::Browser;
use confab_testkit::process::Server;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_draws_the_picture_that_rust_draws() -> Outcome {
    let page = Browser::start().await?.open("Ann").await?;
    let clock = 1_790_000_000_123;
    for (number, width, height) in [(0, 1280, 720), (17, 640, 360), (95, 320, 180), (4_000, 333, 201)] {
        let drawn = page
            .eval(&format!(
                "const {{ Picture }} = await import('/page/picture.js');
                const picture = new Picture({width}, {height});
                picture.draw({number}, {clock});
                return picture.data.toBase64();"
            ))
            .await?;
        let drawn = BASE64_STANDARD.decode(drawn.as_str().ok_or("no picture")?)?;
        let mut frame = I420Frame::new(width, height);
        pattern::draw(&mut frame, number, clock);
        assert!(drawn == frame.data(), "frame {number} at {width}x{height}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_see_hear_and_write_to_each_other_early_and_late() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("pages");
    let (ann, ben) = (browser.open("Ann").await?, browser.open("Ben").await?);
    let ann_id = ann.join(&link, Some(440), Some(SMALL)).await?;
    let ben_id = ben.join(&link, Some(660), Some(SMALL)).await?;
    ann.wait_for_person("Ben", &seen_and_heard(660)).await?;
    // A browser begins with a smaller picture until it knows what the line carries.
    let whole = format!("{} && video?.width === 640", seen_and_heard(440));
    let seen = ben.wait_for_person("Ann", &whole).await?;
    assert_eq!(seen["id"], ann_id);
    assert_eq!(seen["media"], json!({ "mic": true, "cam": true }));
    assert_eq!(seen["video"]["event"], "camera");

    ann.eval("call.say('before Cat came')").await?;
    ben.wait("the message", "call.state.chat.length === 1").await?;
    let cat = browser.open("Cat").await?;
    cat.join(&link, Some(880), Some(SMALL)).await?;
    let chat = cat.wait("the earlier message", "call.state.chat.length > 0 && call.state.chat").await?;
    assert_eq!((&chat[0]["text"], &chat[0]["from"]), (&json!("before Cat came"), &json!("Ann")));
    for page in [&ann, &ben] {
        page.wait_for_person("Cat", &seen_and_heard(880)).await?;
    }
    cat.wait_for_person("Ann", &seen_and_heard(440)).await?;
    cat.wait_for_person("Ben", &seen_and_heard(660)).await?;

    let stats = ann.eval("return call.stats('Ben')").await?;
    assert_eq!(stats["inbound"].as_array().map(Vec::len), Some(2), "{stats}");
    ben.eval("call.leave()").await?;
    let gone = format!("call.state.people['{ben_id}'].gone");
    ann.wait("the end of Ben", &gone).await?;
    cat.wait("the end of Ben", &gone).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tracks_come_go_and_are_swapped_during_the_call() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("tracks");
    let (ann, ben) = (browser.open("Ann").await?, browser.open("Ben").await?);
    ann.join(&link, Some(440), None).await?;
    ben.join(&link, None, None).await?;
    ben.wait_for_person("Ann", "audio?.hz > 400 && !video && !person.media.cam").await?;

    ann.eval("call.addCamera({ width: 640, height: 360 })").await?;
    let moving = "video?.patterns > 20 && person.media.cam";
    ben.wait_for_person("Ann", moving).await?;
    let descriptions = "return (await call.stats('Ben')).outbound.length";
    let before = ann.eval(descriptions).await?;
    ann.eval("call.swapCamera({ width: 320, height: 180 })").await?;
    ben.wait_for_person("Ann", "video?.width === 320 && video.patterns > 20").await?;
    assert_eq!(ann.eval(descriptions).await?, before, "the same sender goes on");
    ann.eval("call.removeCamera()").await?;
    ben.wait_for_person("Ann", "!video && audio?.hz > 400 && !person.media.cam").await?;
    ann.eval("call.addCamera({ width: 640, height: 360 })").await?;
    ben.wait_for_person("Ann", moving).await?;

    ann.eval("call.shareScreen({ width: 320, height: 180, fps: 10 })").await?;
    let events = "person.tracks.map((track) => track.event).sort().join() === 'camera,camera,screen'";
    ben.wait_for_person("Ann", events).await?;
    ben.wait_for_person("Ann", "person.tracks.every((track) => track.kind === 'audio' || track.patterns > 10)").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_collide_settle() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("glare");
    let (ann, ben) = (browser.open("Ann").await?, browser.open("Ben").await?);
    ann.join(&link, None, None).await?;
    ben.join(&link, None, None).await?;
    ann.wait_for_person("Ben", "true").await?;
    ben.wait_for_person("Ann", "true").await?;
    let mut collisions = 0;
    for shared in 1..=10 {
        // Both at one moment by the clock that they share.
        let at = ann.eval("return Date.now() + 300").await?;
        let share = format!("await call.shareTone(440, {at})");
        let (from_ann, from_ben) = tokio::join!(ann.eval(&share), ben.eval(&share));
        from_ann?;
        from_ben?;
        let settled = format!(
            "person.signaling === 'stable' && person.tracks.length === {shared} && person.tracks.every((t) => t.hz > 400)"
        );
        let of_ben = ann.wait_for_person("Ben", &settled).await?;
        let of_ann = ben.wait_for_person("Ann", &settled).await?;
        collisions = of_ben["collisions"].as_u64().unwrap_or(0) + of_ann["collisions"].as_u64().unwrap_or(0);
        if collisions >= 3 {
            break;
        }
    }
    assert!(collisions > 0, "no offers collided: the test did not test");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_closes_or_crashes_is_noticed() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("ends");
    let ann = browser.open("Ann").await?;
    ann.join(&link, None, None).await?;
    for (name, crashes) in [("Ben", false), ("Cat", true)] {
        let other = browser.open(name).await?;
        let id = other.join(&link, Some(440), None).await?;
        ann.wait_for_person(name, "audio?.hz > 400").await?;
        if crashes {
            other.crash().await?
        } else {
            other.close().await?
        }
        ann.wait(&format!("the end of {name}"), &format!("call.state.people['{id}'].gone")).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_loses_the_server_comes_back_as_the_same_member() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("resume");
    let (ann, ben) = (browser.open("Ann").await?, browser.open("Ben").await?);
    let ann_id = ann.join(&link, Some(440), None).await?;
    ben.join(&link, Some(660), None).await?;
    ann.wait_for_person("Ben", "audio?.hz > 600").await?;
    let rejoined = "call.state.joins";
    for times in 2..=4 {
        ann.eval("call.cutSignaling()").await?;
        ann.wait("another join", &format!("{rejoined} === {times}")).await?;
        assert_eq!(ann.eval("return call.state.id").await?, ann_id);
    }
    // Nobody was gone: the old connection carries what comes next, and the roster has each person once.
    let cat = browser.open("Cat").await?;
    cat.join(&link, None, None).await?;
    cat.wait_for_person("Ann", "audio?.hz > 400").await?;
    let people = "Object.values(call.state.people).map(({ name, gone }) => name + Boolean(gone)).sort().join()";
    assert_eq!(ben.eval(&format!("return {people}")).await?, "Annfalse,Catfalse");
    ben.wait_for_person("Ann", "audio?.hz > 400").await?;
    Ok(())
}
