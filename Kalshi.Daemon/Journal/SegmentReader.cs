namespace Kalshi.Daemon.Journal;

internal enum SegmentStep : byte
{
    /// <summary>A whole block stands in <see cref="SegmentReader.Buffer"/>.</summary>
    Block,

    /// <summary>No whole block follows, for now or for good.</summary>
    End,

    /// <summary>A damaged range was passed over: <see cref="SegmentReader.Skipped"/>.</summary>
    Skipped,
}

/// <summary>
/// The blocks of one segment in order, from a .kj or a .kjz alike.
/// In: any bytes. Out: whole blocks, and damaged ranges of the file. Thread: one. Bound: a window of 1 MiB for a .kj, one
/// chunk for a .kjz; more only for a record that is larger.
/// </summary>
internal sealed class SegmentReader : IDisposable
{
    private readonly ByteSource _source;
    private readonly EnvelopeReader _envelopes;
    private readonly bool _isCompressed;
    private HeaderVerdict _headerVerdict = HeaderVerdict.Short;
    private bool _headerReported;
    private long _seekAfter;
    private readonly ChunkReader? _chunk;

    public SegmentReader(ByteSource source, string fileName, bool isCompressed, long after = 0, int windowBytes = EnvelopeReader.WindowBytes)
    {
        _source = source;
        _isCompressed = isCompressed;
        _seekAfter = after;
        FileName = fileName;
        _chunk = isCompressed ? new ChunkReader() : null;
        _envelopes = new EnvelopeReader(source, isCompressed ? SegmentFormat.Chunk : SegmentFormat.Block, SegmentFormat.HeaderBytes, windowBytes);
    }

    /// <summary>Opens the form that is there, compressed preferred; null when the segment has gone. `after`: see <see cref="EnvelopeReader.Seek"/>.</summary>
    public static SegmentReader? TryOpen(string directory, long firstAt, long after = 0)
    {
        // Compression renames the new form into place before it removes the old one: whoever misses the first finds the second.
        ReadOnlySpan<bool> forms = [true, false, true];
        foreach (var isCompressed in forms)
        {
            var name = isCompressed ? SegmentName.Compressed(firstAt) : SegmentName.Raw(firstAt);
            try
            {
                return new SegmentReader(FileSource.Open(Path.Combine(directory, name)), name, isCompressed, after);
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
            }
        }

        return null;
    }

    public string FileName { get; }

    public bool IsCompressed => _isCompressed;

    public SegmentHeader Header { get; private set; }

    public bool HasHeader => _headerVerdict == HeaderVerdict.Whole;

    /// <summary>Written by a version of the format that this one cannot read.</summary>
    public bool IsForeign => _headerVerdict == HeaderVerdict.OtherVersion;

    /// <summary>Whether a whole block was ever read from it.</summary>
    public bool HasBlock { get; private set; }

    public Envelope Block { get; private set; }

    /// <summary>The current block's records stand in Buffer[RecordsStart..RecordsEnd], until the next step.</summary>
    public byte[] Buffer => _chunk?.Buffer ?? _envelopes.Window;

    public int RecordsStart { get; private set; }

    public int RecordsEnd { get; private set; }

    /// <summary>Offset in the file just behind the last whole block or chunk.</summary>
    public long WholeEnd => _envelopes.Next;

    /// <summary>File offset of the current block (in a .kjz, of its chunk).</summary>
    public long BlockOffset => _envelopes.CurrentOffset;

    public long Length => _source.Length;

    public (long From, long To, string Cause) Skipped
    {
        get;
        private set
        {
            field = value;
            HasSkipped = true;
        }
    }

    public bool HasSkipped { get; private set; }

    /// <summary>Whether the bytes from `offset` to the end are all zero (there may be none).</summary>
    public bool IsZero(long offset) => _envelopes.IsZero(offset, Length);

    /// <summary>One step; see <see cref="EnvelopeReader.Step"/> for `isSealed`.</summary>
    public SegmentStep Step(bool isSealed)
    {
        if (_headerVerdict != HeaderVerdict.Whole && !_headerReported && !TryHeader(isSealed, out var step))
        {
            return step;
        }

        switch (_envelopes.Step(isSealed))
        {
            case EnvelopeStep.End:
                return SegmentStep.End;
            case EnvelopeStep.Skipped:
                Skipped = _envelopes.Skipped;
                return SegmentStep.Skipped;
            default:
                return _chunk is null ? Show(_envelopes.Current, _envelopes.PayloadStart) : ShowChunk(_chunk, _envelopes.Current);
        }
    }

    /// <summary>
    /// Reads the header once. A damaged one is reported and the blocks behind it are read all the same; only a file that is
    /// still too short, or whose header may still be in the making, has to wait. False: `step` says what to return.
    /// </summary>
    private bool TryHeader(bool isSealed, out SegmentStep step)
    {
        Span<byte> bytes = stackalloc byte[SegmentFormat.HeaderBytes];
        var count = _source.Read(bytes, 0);
        _headerVerdict = SegmentHeader.TryRead(bytes[..count], _isCompressed, out var header);
        step = SegmentStep.End;
        if (_headerVerdict == HeaderVerdict.Whole)
        {
            Header = header;
            SeekOnce();
            return true;
        }

        if (_headerVerdict == HeaderVerdict.OtherVersion)
        {
            _headerReported = true;
            Skipped = (0, Length, "written by another version of the format");
            _envelopes.SkipTo(Length);
            step = SegmentStep.Skipped;
            return false;
        }

        if (_headerVerdict == HeaderVerdict.Short && !isSealed)
        {
            return false;
        }

        return TryWithoutHeader(isSealed, count, out step);
    }

    private bool TryWithoutHeader(bool isSealed, int count, out SegmentStep step)
    {
        step = SegmentStep.End;
        var isWritten = _envelopes.Peek();
        if (!isSealed && !isWritten)
        {
            return false; // Header and first block are one write: neither is there yet.
        }

        SeekOnce();
        if (count == 0 || (!isWritten && _envelopes.IsZero(0, Length)))
        {
            _headerReported = true;
            return true;
        }

        _headerReported = true;
        Skipped = (0, Math.Min(count, SegmentFormat.HeaderBytes), "damaged segment header");
        step = SegmentStep.Skipped;
        return false;
    }

    private void SeekOnce()
    {
        if (_seekAfter > 0)
        {
            _envelopes.Seek(_seekAfter);
            _seekAfter = 0;
        }
    }

    private SegmentStep Show(in Envelope block, int recordsStart)
    {
        Block = block;
        HasBlock = true;
        RecordsStart = recordsStart;
        RecordsEnd = recordsStart + block.Length;
        return SegmentStep.Block;
    }

    /// <summary>A chunk is shown as one block of all its records.</summary>
    private SegmentStep ShowChunk(ChunkReader reader, in Envelope chunk)
    {
        if (reader.TryRead(chunk, _envelopes.Window.AsSpan(_envelopes.PayloadStart, chunk.Length)))
        {
            return Show(chunk with { Length = chunk.RawLength }, 0);
        }

        Skipped = (_envelopes.CurrentOffset, _envelopes.Next, "chunk does not hold what its head says");
        return SegmentStep.Skipped;
    }

    public void Dispose()
    {
        _chunk?.Dispose();
        _envelopes.Dispose();
    }
}
