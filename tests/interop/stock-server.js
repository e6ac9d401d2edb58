// A stock signaling server: socket.io of npm with the relay that the protocol describes, and the rooms of an application
// that its documentation shows. It tells nobody their id, believes `source`, and knows no acknowledgement of a join.
import { Server } from "socket.io";
import { createServer } from "node:http";

const http = createServer();
const io = new Server(http, { cors: { origin: "*" } });

io.on("connection", (socket) => {
  socket.on("#rtcio:message", (message) => socket.to(message.target).emit("#rtcio:message", message));
  socket.on("join-room", async ({ roomId, name }) => {
    for (const member of await io.in(roomId).fetchSockets()) {
      socket.emit("user-connected", { id: member.id, name: member.data.name });
    }
    socket.data.name = name;
    socket.to(roomId).emit("user-connected", { id: socket.id, name });
    socket.to(roomId).emit("#rtcio:init-offer", { source: socket.id });
    await socket.join(roomId);
    socket.emit("joined");
  });
  socket.on("disconnecting", () => {
    for (const room of socket.rooms) {
      if (room === socket.id) continue;
      socket.to(room).emit("#rtcio:peer-left", { id: socket.id });
      socket.to(room).emit("user-disconnected", { id: socket.id });
    }
  });
  // What an application's server may ask of a client, and answer.
  socket.on("ask-me", (...args) => {
    const answer = args.pop();
    socket.emit("question", ...args, (reply) => answer(reply, args.length));
  });
});

http.listen(0, "127.0.0.1", () => console.log(http.address().port));
