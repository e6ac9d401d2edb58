/**
 * A signaling server that does what rtc.io's documentation shows and nothing else, with npm's socket.io: it neither answers
 * joins nor tells anybody their id. Prints `{ port }` as its first line and ends with its input.
 *
 *   node stock-server.js [port]
 */
import { createServer } from "node:http";
import { Server } from "socket.io";

const web = createServer();
const io = new Server(web, { cors: { origin: "*" } });

io.on("connection", (socket) => {
  // What the library's server does.
  socket.on("#rtcio:message", (message) => io.to(message.target).emit("#rtcio:message", message));
  socket.on("disconnecting", () => {
    for (const room of socket.rooms) {
      if (room === socket.id) continue;
      socket.to(room).emit("#rtcio:peer-left", { id: socket.id });
      // And what its documentation adds.
      socket.to(room).emit("user-disconnected", { id: socket.id });
    }
  });
  socket.on("join-room", async ({ roomId, name }) => {
    socket.data.name = name;
    for (const member of await io.in(roomId).fetchSockets()) {
      socket.emit("user-connected", { id: member.id, name: member.data.name });
    }
    await socket.join(roomId);
    socket.to(roomId).emit("user-connected", { id: socket.id, name });
    socket.to(roomId).emit("#rtcio:init-offer", { source: socket.id });
  });
  // For tests.
  socket.on("put-out", () => socket.disconnect(true));
});

web.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => console.log(JSON.stringify({ port: web.address().port })));
process.stdin.on("end", () => process.exit(0)).resume();
