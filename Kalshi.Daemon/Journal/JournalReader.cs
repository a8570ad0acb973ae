namespace Kalshi.Daemon.Journal;

/// <summary>A damaged range of a segment, skipped by readers: exact offsets, and the stamps of the whole blocks around it (0 = none).</summary>
internal readonly record struct Damage(string Segment, long FromOffset, long ToOffset, long AfterReceivedAt, long BeforeReceivedAt, string Cause);

/// <summary>
/// Reads records in order, compressed segments included, from any position, in the writer's process or another one. At the
/// end of a live journal <see cref="TryRead"/> returns false and may return true later. One thread. No allocation per record.
/// </summary>
internal sealed class JournalReader : IDisposable
{
    /// <summary>Starts after the record stamped `after` (0 = from the beginning). A missing directory is an empty journal.</summary>
    public JournalReader(string directory, long after = 0) => throw new NotImplementedException();

    /// <summary>The next record, or false when there is none yet. Never throws for damaged files: see <see cref="Damages"/>.</summary>
    public bool TryRead(out JournalRecord record) => throw new NotImplementedException();

    /// <summary>Stamp of the last record read: the cursor.</summary>
    public long Position => throw new NotImplementedException();

    /// <summary>Damage met so far, in order. A torn tail of the newest segment is not damage, it is the end.</summary>
    public IReadOnlyList<Damage> Damages => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}
