// Connects to each target on standard input and prints what Node.js says: NAME TAB LINE.
'use strict';
const { readFileSync } = require('node:fs');
const { isIP } = require('node:net');
const { connect } = require('node:tls');

const [rootFile, identityFile] = process.argv.slice(2);
const identity = readFileSync(identityFile);

function attempt([name, host, port, serverName, mode]) {
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port: Number(port),
      servername: serverName,
      ca: readFileSync(rootFile),
      ALPNProtocols: ['h2', 'http/1.1'],
      maxVersion: mode === 'tls12' ? 'TLSv1.2' : 'TLSv1.3',
      ...(mode === 'certificate' ? { cert: identity, key: identity } : {}),
    });
    const end = (failed) => {
      if (failed) {
        console.log(`${name}\t${String(failed).split('\n')[0]}`);
        if (failed.code) console.log(`${name}\tcode: '${failed.code}'`);
      }
      socket.destroy();
      resolve();
    };
    socket.setTimeout(2000, () => end());
    socket.on('error', end);
    socket.on('close', () => end());
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
    socket.resume();
  });
}

(async () => {
  for (const line of readFileSync(0, 'utf8').split('\n')) {
    if (line) await attempt(line.split('\t'));
  }
})();
