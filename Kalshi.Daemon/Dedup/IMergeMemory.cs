using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// What a merge must know to go on, as production keeps it beside the rows, in their transaction: now and then the whole memory
/// (kalshid.merge_state), every other turn what the turn changed (kalshid.merge_log). Restart: an empty merge, <see cref="ReadAll"/> once if there is a
/// state, <see cref="ReadChanges"/> for each turn after it. Each part begins with a version byte of its own; the frame around all parts (magic, compression, checksum) is
/// the caller's. Only between turns; one thread.
/// </summary>
internal interface IMergeMemory
{
    /// <summary>Writes everything; the next <see cref="WriteChanges"/> begins here.</summary>
    void WriteAll(StateWriter writer);

    /// <summary>Writes what changed since the last call of either method.</summary>
    void WriteChanges(StateWriter writer);

    /// <summary>Takes over what <see cref="WriteAll"/> wrote, into a merge that was told nothing. Throws <see cref="InvalidDataException"/> for a version it does not know, <see cref="EndOfStreamException"/>.</summary>
    void ReadAll(StateReader reader);

    /// <summary>Applies what <see cref="WriteChanges"/> wrote. Throws as <see cref="ReadAll"/>.</summary>
    void ReadChanges(StateReader reader);
}
