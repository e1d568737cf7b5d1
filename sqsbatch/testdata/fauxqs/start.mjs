import { startFauxqs } from "fauxqs";

const server = await startFauxqs({ port: 0, logger: false });
console.log(server.port);
process.stdin.resume().on("end", () => process.exit(0)); // ends with the test, however that ends
