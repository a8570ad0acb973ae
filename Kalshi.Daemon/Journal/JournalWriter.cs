using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Journal;

/// <summary>What a journal is told once: where it lives and its limits.</summary>
/// <param name="Directory">`data_dir/journal`; created when missing.</param>
/// <param name="SegmentBytesMax">A segment is sealed before it would grow past this; one larger record still fits.</param>
/// <param name="SyncIntervalMs">`fdatasync` at least this often while there is something unsynced.</param>
/// <param name="SyncBytes">… and at once when this much is unsynced.</param>
internal sealed record JournalSettings(string Directory, long SegmentBytesMax, int SyncIntervalMs, long SyncBytes);

internal enum FlushVerdict : byte
{
    Written,

    /// <summary>The disk refused (full, read-only, I/O error): the block is kept, call <see cref="JournalWriter.Flush"/> again.</summary>
    Refused,
}

/// <summary>
/// The one writer of a journal. Append* and Flush belong to one thread (capture); a thread of its own syncs; the published
/// positions may be read by any thread. Allocates nothing per record.
/// </summary>
internal sealed class JournalWriter : IDisposable
{
    /// <summary>Locks the directory, recovers it (truncates a torn tail, reports damage), ready to append after the last record.</summary>
    public static JournalWriter Open(JournalSettings settings, ILogger log) => throw new NotImplementedException();

    /// <summary>Stamp of the last appended record, those of earlier processes included; 0 for a new journal. Written by the capture thread.</summary>
    public long LastReceivedAt => throw new NotImplementedException();

    /// <summary>One more than the highest session number in the journal, as recovered at open; at least 1.</summary>
    public int FirstFreeSession => throw new NotImplementedException();

    /// <summary>Appends to the pending block with the stamp max(now, last + 1), which is returned.</summary>
    public long Append(long now, int session, RecordKind kind, ReadOnlySpan<byte> bytes) => throw new NotImplementedException();

    /// <summary>Bytes in the pending block.</summary>
    public int PendingBytes => throw new NotImplementedException();

    /// <summary>Writes the pending block with one `write`, rolls the segment when due, publishes `Written`.</summary>
    public FlushVerdict Flush() => throw new NotImplementedException();

    /// <summary>Why the last flush was refused, for the log; null after a success.</summary>
    public Exception? Refusal => throw new NotImplementedException();

    /// <summary>Stamp up to which records are in the file (readers may have them), and up to which they survive a power cut.</summary>
    public long Written => throw new NotImplementedException();

    public long Durable => throw new NotImplementedException();

    /// <summary>Bytes written since open, block headers included.</summary>
    public long WrittenBytes => throw new NotImplementedException();

    /// <summary>By how many µs the wall clock stood behind the last stamp at the newest append; 0 normally.</summary>
    public long ClockBehind => throw new NotImplementedException();

    /// <summary>Flushes, syncs, truncates the preallocation, unlocks.</summary>
    public void Dispose() => throw new NotImplementedException();
}
