// A TLS server: node server.js PORT CHAIN KEY OPTIONS, where OPTIONS are createServer's, as JSON.
'use strict';
const { readFileSync } = require('node:fs');
const { createServer } = require('node:tls');

const [port, chain, key, options] = process.argv.slice(2);
const server = createServer(
  { cert: readFileSync(chain), key: readFileSync(key), ...JSON.parse(options) },
  (socket) => {
    socket.on('error', () => {});
    socket.resume();
  },
);
server.on('tlsClientError', () => {});
server.listen(Number(port), '127.0.0.1');
