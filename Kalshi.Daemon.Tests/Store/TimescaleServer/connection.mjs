// One client: the protocol's start, then its messages one after the other.

import { error, message, readyForQuery, renameStatement, split, text, typeOf } from './messages.mjs';

const sslRequest = 80877103;
const gssRequest = 80877104;
const cancelRequest = 80877102;

const copyFromStdin = /^\s*copy\s[\s\S]*\sfrom\s+stdin\b([\s\S]*)$/i;
// A binary copy of no rows: signature, flags, no header extension, the trailer -1.
const emptyBinaryCopy = message('d', Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8), Buffer.from([255, 255])]));

export class Connection {
    #socket;
    #id;
    #connect;
    #database = null;
    #received = Buffer.alloc(0);
    #batch = []; // extended-query messages up to the next Sync or Flush
    #copy = null; // the COPY and its data so far

    /** Serves one client until it leaves. `connect(name, connection)` resolves with the database of that name. */
    static async serve(socket, id, connect) {
        const connection = new Connection(socket, id, connect);
        try {
            for await (const bytes of socket) {
                await connection.#receive(bytes);
            }
        } catch (e) {
            if (e.code !== 'ECONNRESET' && e.code !== 'EPIPE') {
                console.error(e);
            }
        } finally {
            socket.destroy();
            await connection.#database?.disconnect(connection).catch(console.error);
        }
    }

    constructor(socket, id, connect) {
        this.#socket = socket;
        this.#id = id;
        this.#connect = connect;
    }

    async #receive(bytes) {
        this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
        while (this.#database === null) {
            if (!await this.#start()) {
                return;
            }
        }
        const { messages, rest } = split(this.#received);
        // Copied, so that a kept message does not keep all that came with it.
        this.#received = Buffer.from(rest);
        for (const m of messages) {
            await this.#handle(m);
        }
    }

    /** One message of the start, which has no type byte; false when it is not there yet or was the last. */
    async #start() {
        if (this.#received.length < 8 || this.#received.length < this.#received.readInt32BE(0)) {
            return false;
        }
        const length = this.#received.readInt32BE(0);
        const code = this.#received.readInt32BE(4);
        const body = this.#received.subarray(8, length);
        this.#received = this.#received.subarray(length);
        if (code === sslRequest || code === gssRequest) {
            this.#socket.write('N');
            return true;
        }
        if (code === cancelRequest) {
            this.#socket.end();
            return false;
        }
        const fields = body.toString().split('\0');
        const values = Object.fromEntries(fields.flatMap((name, i) => i % 2 === 0 && name !== '' ? [[name, fields[i + 1]]] : []));
        return this.#greet(values.database ?? values.user);
    }

    async #greet(databaseName) {
        try {
            this.#database = await this.#connect(databaseName, this);
        } catch (e) {
            this.#socket.end(error('FATAL', '3D000', e.message));
            return false;
        }
        const key = Buffer.alloc(8);
        key.writeInt32BE(this.#id, 0);
        const settings = this.#database.settings.map(([name, value]) => message('S', Buffer.concat([text(name), text(value)])));
        this.#socket.write(Buffer.concat([message('R', Buffer.alloc(4)), ...settings, message('K', key), readyForQuery('I')]));
        return true;
    }

    async #handle(m) {
        const type = typeOf(m);
        if (this.#copy !== null) {
            await this.#handleCopy(type, m);
        } else if (type === 'X') {
            this.#socket.end();
        } else if (type === 'Q') {
            const copy = copyFromStdin.exec(m.toString('utf8', 5, m.length - 1));
            await (copy === null ? this.#forward([m]) : this.#startCopy(m, /\bbinary\b/i.test(copy[1])));
        } else if (type === 'F') {
            await this.#forward([m]);
        } else {
            this.#batch.push(Buffer.from(renameStatement(m, `c${this.#id}_`)));
            if (type === 'S' || type === 'H') {
                const batch = this.#batch;
                this.#batch = [];
                await this.#forward(batch);
            }
        }
    }

    async #forward(messages) {
        this.#socket.write(await this.#database.execute(this, messages));
    }

    /** The backend cannot wait for rows: it copies none now, which tells the format or the error, and all of them at the end. */
    async #startCopy(m, isBinary) {
        const answer = await this.#database.execute(this, isBinary ? [m, emptyBinaryCopy, message('c')] : [m, message('c')]);
        const { messages } = split(answer);
        const ready = messages.find(x => typeOf(x) === 'G');
        if (ready === undefined || messages.some(x => typeOf(x) === 'E')) {
            this.#socket.write(Buffer.concat(messages.filter(x => x !== ready)));
            return;
        }
        this.#copy = [Buffer.from(m)];
        this.#socket.write(ready);
    }

    async #handleCopy(type, m) {
        if (type !== 'd' && type !== 'c' && type !== 'f') {
            return; // Sync and Flush mean nothing here
        }
        this.#copy.push(Buffer.from(m));
        if (type === 'd') {
            return;
        }
        const copy = this.#copy;
        this.#copy = null;
        const answer = await this.#database.execute(this, copy);
        this.#socket.write(Buffer.concat(split(answer).messages.filter(x => typeOf(x) !== 'G')));
    }
}
