/**
 * The stock PeerServer of npm for tests: prints `{"port"}` once it listens, and ends with its input.
 *
 *   node peerserver.js '{"allow_discovery":true}'    options as in its documentation
 */
import { PeerServer } from "peer";

const options = { port: 0, host: "127.0.0.1", path: "/", ...JSON.parse(process.argv[2] ?? "{}") };
PeerServer(options, (server) => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.resume().on("end", () => process.exit(0));
