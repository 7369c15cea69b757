// A Modbus TCP server of modbus-serial. Arguments: port, JSON {holding|input|coil|discrete: {address: value}}, most addresses a request.
// Addresses that are not named are answered with "illegal data address". Each request is told on a line: kind address count unit.
const Modbus = require("modbus-serial");
const [port, said, most] = process.argv.slice(2);
const memory = JSON.parse(require("fs").readFileSync(said, "utf8"));
const refuse = (code) => Object.assign(new Error("refused"), { modbusErrorCode: code });
const read = (kind) => (address, count, unit, done) => {
  console.log(kind, address, count, unit);
  if (most && count > +most) return done(refuse(3), null);
  const found = [];
  for (let at = address; at < address + count; at++) {
    const value = (memory[kind] || {})[at];
    if (value === undefined) return done(refuse(2), null);
    found.push(kind === "coil" || kind === "discrete" ? Boolean(value) : value);
  }
  return done(null, found);
};
const one = (kind) => (address, unit, done) => read(kind)(address, 1, unit, (error, found) => done(error, found && found[0]));
// modbus-serial knows no multiple form for bits: it asks for each by itself, so only registers tell of whole requests
const server = new Modbus.ServerTCP({
  getHoldingRegister: one("holding"),
  getInputRegister: one("input"),
  getMultipleHoldingRegisters: read("holding"),
  getMultipleInputRegisters: read("input"),
  getCoil: one("coil"),
  getDiscreteInput: one("discrete"),
}, { host: "127.0.0.1", port: +port, unitID: 255 });
server.on("initialized", () => console.log("ready"));
server.on("socketError", () => {});
server.on("serverError", (error) => { console.error(error); process.exit(1); });
