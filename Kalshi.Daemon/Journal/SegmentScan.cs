using System.Buffers.Binary;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// Everything there is to know about one segment file, found by reading all of it: for recovery and for people. Damage is what a
/// whole block follows; what nothing follows is the <see cref="Tail"/>.
/// </summary>
internal sealed class SegmentScan
{
    public required string FileName { get; init; }

    public bool HasHeader { get; private set; }

    public bool IsForeign { get; private set; }

    public SegmentHeader Header { get; private set; }

    public long Length { get; private set; }

    /// <summary>Offset just behind the last whole block; the header's length when there is none.</summary>
    public long WholeEnd { get; private set; }

    public SegmentTail Tail { get; private set; }

    public long Blocks { get; private set; }

    public long Records { get; private set; }

    /// <summary>Bytes of the blocks when not compressed, envelopes included.</summary>
    public long RawBytes { get; private set; }

    public long FirstAt { get; private set; }

    public long LastAt { get; private set; }

    /// <summary>One more than the highest session in it or before it; 1 when there is none.</summary>
    public int NextSession { get; private set; } = 1;

    /// <summary>Lowest and highest session number of its records; 0 when there is none.</summary>
    public int SessionLow { get; private set; }

    public int SessionHigh { get; private set; }

    public List<Damage> Damages { get; } = [];

    public static SegmentScan Run(string directory, SegmentName name)
    {
        using var reader = SegmentReader.TryOpen(directory, name.FirstAt) ?? throw new FileNotFoundException($"The segment {name.FileName} has gone.");
        return Run(reader);
    }

    /// <summary>`isSealed`: a tail that is not whole is damage, as it is in every segment but the newest.</summary>
    public static SegmentScan Run(SegmentReader reader, bool isSealed = false)
    {
        var scan = new SegmentScan { FileName = reader.FileName };
        var pending = new List<Damage>();
        for (var step = reader.Step(isSealed); step != SegmentStep.End; step = reader.Step(isSealed))
        {
            if (step == SegmentStep.Skipped)
            {
                var (from, to, cause) = reader.Skipped;
                pending.Add(new Damage(reader.FileName, from, to, scan.LastAt, 0, cause));
                continue;
            }

            foreach (var damage in pending)
            {
                scan.Damages.Add(damage with { BeforeReceivedAt = reader.Block.FirstAt });
            }

            pending.Clear();
            scan.AddBlock(reader);
        }

        scan.Damages.AddRange(pending);
        scan.Finish(reader);
        return scan;
    }

    /// <summary>Takes the block the reader stands on into the sums.</summary>
    public void AddBlock(SegmentReader reader)
    {
        var block = reader.Block;
        FirstAt = FirstAt == 0 ? block.FirstAt : FirstAt;
        LastAt = block.LastAt;
        Blocks++;
        RawBytes += SegmentFormat.Block.HeaderBytes + block.Length;
        var records = reader.Buffer.AsSpan(reader.RecordsStart, block.Length);
        while (records.Length >= SegmentFormat.RecordHeaderBytes)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(records[12..]);
            if ((uint)length > (uint)(records.Length - SegmentFormat.RecordHeaderBytes))
            {
                break;
            }

            AddSession(BinaryPrimitives.ReadInt32LittleEndian(records[8..]));
            Records++;
            records = records[(SegmentFormat.RecordHeaderBytes + length)..];
        }

        if (!records.IsEmpty)
        {
            Damages.Add(new Damage(reader.FileName, reader.BlockOffset, reader.WholeEnd, block.FirstAt, block.LastAt, "records do not fill their block"));
        }
    }

    private void AddSession(int session)
    {
        if (session > 0)
        {
            SessionLow = SessionLow == 0 ? session : Math.Min(SessionLow, session);
            SessionHigh = Math.Max(SessionHigh, session);
        }
    }

    private void Finish(SegmentReader reader)
    {
        HasHeader = reader.HasHeader;
        IsForeign = reader.IsForeign;
        Header = reader.Header;
        Length = reader.Length;
        WholeEnd = Math.Min(reader.WholeEnd, Length);
        NextSession = Math.Max(NextSession, Math.Max(SessionHigh + 1, Math.Max(Header.FirstSession, Header.NextSession)));
        if (reader is { IsCompressed: true, HasHeader: true })
        {
            (Blocks, RawBytes) = (Blocks == 0 ? 0 : Header.Blocks, Header.RawBytes); // Blocks have no bounds in a chunk.
        }

        Tail = Length == WholeEnd && (HasHeader || Blocks > 0 || Length == 0) ? SegmentTail.None
            : reader.IsZero(Blocks > 0 || HasHeader ? WholeEnd : 0) ? SegmentTail.Zeros : SegmentTail.Torn;
    }
}
