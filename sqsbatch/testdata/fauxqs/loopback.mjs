// fauxqs listens on all interfaces; nobody else needs it.
import net from "node:net";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (options, ...rest) {
  const at = typeof options === "object" ? { ...options, host: "127.0.0.1" } : options;
  return listen.call(this, at, ...rest);
};
