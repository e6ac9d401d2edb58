//! Data connections in both directions: every serialization at its edges, large values, metadata, ends.

use super::Outcome;
use super::world::{World, next, next_of};
use confab_peerjs::{
    CloseOptions, ConnectOptions, Data, DataConnection, DataConnectionEvent, DataConnectionEvents, PeerEvent,
    Serialization,
};
use confab_testkit::browser::Page;
use serde_json::{Value, json};

const ALL: [Serialization; 4] =
    [Serialization::Binary, Serialization::Json, Serialization::Raw, Serialization::MsgPack];

/// Bytes that follow the rule of the page.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index.wrapping_mul(7) + (index >> 8)) as u8).collect()
}

/// FNV-1a, as the page has it.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |value, byte| (value ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// A connection that is open on both sides, made by one of the two.
async fn joined(
    world: &World,
    name: &str,
    options: ConnectOptions,
    we_connect: bool,
) -> Outcome<(Page, DataConnection, DataConnectionEvents)> {
    let (page, (peer, mut events)) =
        (world.stock(&format!("stock-{name}")).await?, world.ours(&format!("our-{name}")).await?);
    let (connection, mut of_connection) = if we_connect {
        let made = peer.connect(&format!("stock-{name}"), options.clone())?;
        page.wait("our connection", "stock.noted('connection')").await?;
        made
    } else {
        let wish = json!({ "serialization": options.serialization.name(), "reliable": options.reliable,
            "label": options.label, "metadata": options.metadata });
        // The stock client has the same for `undefined`, not for `null`.
        let script = format!(
            "const wish = {wish}; for (const key in wish) if (wish[key] === null) delete wish[key];
            return stock.connect('our-{name}', wish)"
        );
        page.eval(&script).await?;
        let PeerEvent::Connection { connection, events } = next(&mut events).await? else {
            return Err("no connection".into());
        };
        (connection, events)
    };
    assert_eq!(next_of(&mut of_connection).await?, DataConnectionEvent::Open);
    page.wait("the connection", "stock.noted('connection-open')").await?;
    // Peers live as long as their handles.
    tokio::spawn(async move {
        let _peer = peer;
        while events.recv().await.is_some() {}
    });
    Ok((page, connection, of_connection))
}

/// What the page got last, of this many values.
async fn got(page: &Page, count: usize) -> Outcome<Value> {
    page.wait("a value", &format!("stock.data.length >= {count}")).await?;
    Ok(page.eval(&format!("return stock.data[{}]", count - 1)).await?)
}

/// What both sides make of the values at the edges of a serialization.
fn edges(serialization: Serialization) -> Vec<(Data, &'static str)> {
    let mut values = vec![
        (Data::from(""), "''"),
        (Data::from("é€😀"), "'é€😀'"),
        (Data::from("x".repeat(15)), "'x'.repeat(15)"),
        (Data::from("x".repeat(16)), "'x'.repeat(16)"),
    ];
    if serialization == Serialization::Raw {
        values.push((Data::from(vec![1u8, 2, 3]), "new Uint8Array([1, 2, 3])"));
        return values;
    }
    let numbers: [(Data, &str); 16] = [
        (0.into(), "0"),
        (127.into(), "127"),
        (128.into(), "128"),
        (65_535.into(), "65535"),
        (65_536.into(), "65536"),
        (4_294_967_295u32.into(), "4294967295"),
        (4_294_967_296i64.into(), "4294967296"),
        ((1i64 << 53).into(), "2 ** 53"),
        ((-1).into(), "-1"),
        ((-33).into(), "-33"),
        ((-129).into(), "-129"),
        ((-32_769).into(), "-32769"),
        ((-2_147_483_648i64).into(), "-2147483648"),
        (0.5.into(), "0.5"),
        ((-1234.75).into(), "-1234.75"),
        (1e15.into(), "1e15"),
    ];
    values.extend(numbers);
    values.push((Data::Bool(true), "true"));
    values.push((Data::from(json!([])), "[]"));
    values.push((Data::from(json!([1, "two", null, [3]])), "[1, 'two', null, [3]]"));
    values
        .push((Data::from(json!({ "a": 1, "n": null, "o": { "p": false } })), "({ a: 1, n: null, o: { p: false } })"));
    if serialization != Serialization::Json {
        values.push((Data::from(vec![1u8, 2, 3]), "new Uint8Array([1, 2, 3])"));
        let sixteen: Vec<u8> = (0..16).collect();
        values.push((Data::from(sixteen), "Uint8Array.from({ length: 16 }, (_, index) => index)"));
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_the_same_on_both_sides_in_each_serialization() -> Outcome {
    let world = World::start(json!({})).await?;
    for (serialization, we_connect) in ALL.into_iter().flat_map(|one| [(one, true), (one, false)]) {
        let options = ConnectOptions { serialization, reliable: true, ..ConnectOptions::default() };
        let (page, connection, mut events) =
            joined(&world, &format!("{serialization}{we_connect}"), options, we_connect).await?;
        for (number, (value, script)) in edges(serialization).into_iter().enumerate() {
            let what = format!("{serialization}: {script}");
            page.eval(&format!("stock.last.send({script})")).await?;
            assert_eq!(next_of(&mut events).await?, DataConnectionEvent::Data(value.clone()), "{what}");
            connection.send(value.clone()).await?;
            let shown = got(&page, number + 1).await?;
            let expected = match &value {
                Data::Bytes(bytes) => json!({ "bytes": bytes.to_vec() }),
                other => serde_json::to_value(other)?,
            };
            // One kind of number there.
            if let (Some(shown), Some(expected)) = (shown.as_f64(), expected.as_f64()) {
                assert_eq!(shown, expected, "{what}");
            } else {
                assert_eq!(shown, expected, "{what}");
            }
        }
        page.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn large_values_arrive_whole() -> Outcome {
    let world = World::start(json!({})).await?;
    for (serialization, reliable, length) in [
        (Serialization::Binary, true, 200_000),
        (Serialization::Binary, false, 20_000_000),
        (Serialization::MsgPack, true, 20_000_000),
        (Serialization::Raw, true, 262_144),
    ] {
        let options = ConnectOptions { serialization, reliable, ..ConnectOptions::default() };
        let name = format!("{serialization}{length}");
        let (page, connection, mut events) = joined(&world, &name, options, true).await?;
        let bytes = pattern(length);
        connection.send(bytes.clone()).await?;
        assert_eq!(got(&page, 1).await?, json!({ "length": length, "hash": hash(&bytes) }), "{name}");
        page.eval(&format!("stock.last.send(stock.pattern({length}))")).await?;
        let DataConnectionEvent::Data(Data::Bytes(came)) = next_of(&mut events).await? else {
            return Err(format!("{name}: no bytes").into());
        };
        assert!(came == bytes, "{name}");
        page.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_say_what_they_are_and_end_on_both_sides() -> Outcome {
    let world = World::start(json!({})).await?;
    let metadata = json!({ "who": "ann", "n": [1, null] });
    let options = |serialization| ConnectOptions {
        label: Some("files".to_owned()),
        metadata: Some(metadata.clone()),
        serialization,
        reliable: true,
    };
    for (index, (serialization, we_connect)) in ALL.into_iter().flat_map(|one| [(one, true), (one, false)]).enumerate()
    {
        let flushes = serialization != Serialization::Raw;
        for (end, we_close, flush) in
            [("a", true, false), ("b", false, false), ("c", true, flushes), ("d", false, flushes)]
        {
            // Plain ends are the same in each serialization.
            if !flush && index > 1 {
                continue;
            }
            let name = format!("end{index}{end}");
            let (page, connection, mut events) = joined(&world, &name, options(serialization), we_connect).await?;
            let said = page.eval("const { label, metadata, reliable, serialization } = stock.last; return { label, metadata, reliable, serialization }").await?;
            let expected = json!({ "label": "files", "metadata": metadata, "reliable": true, "serialization": serialization.name() });
            assert_eq!(said, expected);
            assert_eq!(
                (connection.label(), connection.metadata(), connection.reliable()),
                ("files", Some(&metadata), true)
            );
            if flush {
                // What was sent before comes first.
                if we_close {
                    for _ in 0..20 {
                        connection.send("x".repeat(10_000)).await?;
                    }
                } else {
                    page.eval("for (let count = 0; count < 20; count += 1) stock.last.send('x'.repeat(10000))").await?;
                }
            }
            if we_close {
                connection.close(CloseOptions { flush });
                page.wait("the end", "stock.noted('connection-close')").await?;
                if flush {
                    assert_eq!(page.eval("return stock.data.length").await?, 20);
                }
            } else {
                page.eval(&format!("stock.last.close({{ flush: {flush} }})")).await?;
            }
            let mut came = 0;
            loop {
                match next_of(&mut events).await? {
                    DataConnectionEvent::Data(_) => came += 1,
                    DataConnectionEvent::Close => break,
                    other => return Err(format!("{name}: {other:?}").into()),
                }
            }
            assert_eq!(came, if flush && !we_close { 20 } else { 0 }, "{name}");
            page.close().await?;
        }
    }
    Ok(())
}
