// Messages of the PostgreSQL protocol: a type (one byte), a length that counts itself (four bytes, big-endian), a body.

/** A message as bytes. */
export function message(type, body = Buffer.alloc(0)) {
    const head = Buffer.alloc(5);
    head.write(type, 0, 'latin1');
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
}

/** A zero-terminated string. */
export function text(string) {
    return Buffer.from(string + '\0');
}

export function typeOf(bytes) {
    return String.fromCharCode(bytes[0]);
}

/** The whole messages in `bytes`, as views of them, and what is left behind the last. */
export function split(bytes) {
    const messages = [];
    let at = 0;
    while (at + 5 <= bytes.length) {
        const end = at + 1 + bytes.readInt32BE(at + 1);
        if (end > bytes.length) {
            break;
        }
        messages.push(bytes.subarray(at, end));
        at = end;
    }
    return { messages, rest: bytes.subarray(at) };
}

/** An ErrorResponse; FATAL ends the connection. */
export function error(severity, code, reason) {
    return message('E', Buffer.concat([text('S' + severity), text('V' + severity), text('C' + code), text('M' + reason), text('')]));
}

export function readyForQuery(status) {
    return message('Z', Buffer.from(status));
}

/** The message with `prefix` before the name of its prepared statement; unchanged when that is the unnamed one. */
export function renameStatement(bytes, prefix) {
    const at = statementNameIndex(bytes);
    return at < 0 || bytes[at] === 0 ? bytes : message(typeOf(bytes), Buffer.concat([bytes.subarray(5, at), Buffer.from(prefix), bytes.subarray(at)]));
}

// Parse: name, query, …; Bind: portal, name, …; Describe and Close: 'S' for a statement, name.
function statementNameIndex(bytes) {
    switch (typeOf(bytes)) {
        case 'P':
            return 5;
        case 'B':
            return bytes.indexOf(0, 5) + 1;
        case 'D':
        case 'C':
            return bytes[5] === 'S'.charCodeAt(0) ? 6 : -1;
        default:
            return -1;
    }
}
