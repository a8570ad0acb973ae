// TimescaleDB for tests: the WASM build of PostgreSQL and TimescaleDB behind PostgreSQL's wire protocol.
//
//     node server.mjs [--port PORT] [--data DIR]      PORT 0, the default, is any free one; without DIR all is in memory
//
// Prints "listening 127.0.0.1:PORT". Ends in order on SIGTERM, on SIGINT, and when its standard input closes.
//
// Each database is a backend of its own, made when somebody first connects to its name. A backend has one session, which its connections
// take in turn: statements never run at the same time, a connection inside a transaction keeps all others waiting, and SET, temporary
// tables and advisory locks are shared. Jobs run only when called. CancelRequest is ignored. Any user is let in without a password.

import { mkdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Connection } from './connection.mjs';
import { Database } from './database.mjs';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, data: { type: 'string' }, databases: { type: 'string', default: '4' } } });
const databasesMax = Number(values.databases); // each takes about 200 MB
const databases = new Map(); // by name, the longest open first
const sockets = new Set();
let connectionCount = 0;
let isEnding = false;
if (values.data) {
    mkdirSync(values.data, { recursive: true });
}

async function connect(name, connection) {
    if (!/^\w{1,63}$/.test(name)) {
        throw new Error(`the name of a database consists of letters, digits and _, not "${name}"`);
    }
    let database = databases.get(name);
    if (database === undefined) {
        database = new Database(values.data && path.join(values.data, name));
        databases.set(name, database);
    }
    database.connect(connection); // before any waiting, so that nobody closes it
    await closeUnused();
    try {
        await database.ready;
    } catch (e) {
        databases.delete(name);
        throw e;
    }
    return database;
}

/** Closes the oldest databases that nobody uses while there are too many; those in memory are lost with it. */
async function closeUnused() {
    for (const [name, database] of [...databases]) {
        if (databases.size > databasesMax && !database.isUsed) {
            databases.delete(name);
            await database.close();
        }
    }
}

async function end() {
    if (isEnding) {
        return;
    }
    isEnding = true;
    server.close();
    sockets.forEach(socket => socket.destroy());
    for (const database of databases.values()) {
        await database.close();
    }
    process.exit(0);
}

const server = net.createServer(async socket => {
    socket.setNoDelay(true);
    sockets.add(socket);
    await Connection.serve(socket, ++connectionCount, connect);
    sockets.delete(socket);
});
server.listen(Number(values.port), '127.0.0.1', () => console.log(`listening 127.0.0.1:${server.address().port}`));

process.on('SIGTERM', end);
process.on('SIGINT', end);
process.stdin.on('end', end).resume();
