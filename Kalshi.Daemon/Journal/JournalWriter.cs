using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
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
/// <para>
/// In: records. Out: blocks in segment files, published positions. Thread: the caller's, and one that syncs. Bound: one block of
/// 512 KiB; a longer record borrows room for itself, up to 65 MiB. When full: Append flushes by itself; while the disk refuses, records
/// pile up to the bound, then Append waits for the disk. Nothing is dropped.
/// </para>
/// </summary>
internal sealed class JournalWriter : IDisposable
{
    /// <summary>Room before the records for the heads, so that head and records are one write: [segment header] [block head] records.</summary>
    private const int RecordsStart = SegmentFormat.HeaderBytes + BlockHeadBytes;
    private const int BlockHeadBytes = 32;
    private const int PendingBytesMax = SegmentFormat.BlockPayloadMax;
    private const int RefusedWaitMs = 50;

    private readonly JournalSettings _settings;
    private readonly ILogger _log;
    private readonly JournalLock _lock;
    private readonly SegmentSyncer _syncer;
    private readonly byte[] _normalBuffer = GC.AllocateUninitializedArray<byte>(RecordsStart + SegmentFormat.BlockBytesNormal, pinned: true);

    // The pending block: capture thread only.
    private byte[] _buffer;
    private int _end = RecordsStart;
    private int _count;
    private long _firstAt;
    private int _firstFreeSession;

    private SegmentFile? _segment;
    private long _previousAt; // Last record before the current segment.

    // Written by the capture thread with Volatile, read by anyone.
    private long _lastReceivedAt;
    private long _clockBehind;
    private long _written;
    private long _records;
    private long _writtenBytes;
    private Exception? _refusal;
    private bool _isDisposed;

    private JournalWriter(JournalSettings settings, ILogger log, JournalLock directoryLock, Recovered recovered)
    {
        _settings = settings;
        _log = log;
        _lock = directoryLock;
        _buffer = _normalBuffer;
        _lastReceivedAt = recovered.StampFloor;
        _previousAt = recovered.LastReceivedAt;
        _written = recovered.StampFloor;
        _firstFreeSession = FirstFreeSession = recovered.FirstFreeSession;
        _syncer = new SegmentSyncer(settings, log, recovered.StampFloor, this);
        _syncer.Start();
    }

    /// <summary>
    /// Locks the directory, recovers it (truncates a torn tail, reports damage), ready to append after the last record. Throws
    /// SetupException when another process writes it, <see cref="IOException"/> when the disk refuses.
    /// </summary>
    public static JournalWriter Open(JournalSettings settings, ILogger log)
    {
        if (!Directory.Exists(settings.Directory))
        {
            Directory.CreateDirectory(settings.Directory);
            Disk.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(settings.Directory))!);
        }

        var directoryLock = JournalLock.Take(settings.Directory);
        try
        {
            var recovered = Recovery.Run(settings.Directory, log);
            log.JournalOpened(settings.Directory, recovered.LastReceivedAt, recovered.FirstFreeSession);
            return new JournalWriter(settings, log, directoryLock, recovered);
        }
        catch
        {
            directoryLock.Dispose();
            throw;
        }
    }

    /// <summary>Records written since the journal was opened.</summary>
    public long Records => Volatile.Read(ref _records);

    /// <summary>Stamp of the last appended record, those of earlier processes included; 0 for a new journal. Written by the capture thread.</summary>
    public long LastReceivedAt => Volatile.Read(ref _lastReceivedAt);

    /// <summary>One more than the highest session number in the journal, as recovered at open; at least 1.</summary>
    public int FirstFreeSession { get; }

    /// <summary>Bytes in the pending block.</summary>
    public int PendingBytes => _end - RecordsStart;

    /// <summary>Why the last flush was refused, for the log; null after a success.</summary>
    public Exception? Refusal => Volatile.Read(ref _refusal);

    /// <summary>Stamp up to which records are in the file (readers may have them), and up to which they survive a power cut.</summary>
    public long Written => Volatile.Read(ref _written);

    public long Durable => _syncer.Durable;

    /// <summary>Bytes written since open, block headers included.</summary>
    public long WrittenBytes => Volatile.Read(ref _writtenBytes);

    /// <summary>By how many µs the wall clock stood behind the last stamp at the newest append; 0 normally.</summary>
    public long ClockBehind => Volatile.Read(ref _clockBehind);

    /// <summary>First stamp of the segment being written, 0 before the first flush: everything older is sealed. Any thread.</summary>
    public long OpenSegment => _syncer.OpenSegment;

    /// <summary>Whether a record of this payload can be appended without waiting for a disk that refuses.</summary>
    public bool HasRoom(int bytes) =>
        _refusal is null || PendingBytes + SegmentFormat.RecordHeaderBytes + bytes <= PendingBytesMax;

    /// <summary>
    /// Appends to the pending block with the stamp max(now, last + 1), which is returned. A full block is flushed first. Throws
    /// ArgumentOutOfRangeException (a bug of the caller) for more than <see cref="SegmentFormat.RecordBytesMax"/>.
    /// </summary>
    public long Append(long now, int session, RecordKind kind, ReadOnlySpan<byte> bytes)
    {
        if (_buffer.Length - _end < SegmentFormat.RecordHeaderBytes + bytes.Length)
        {
            MakeRoom(bytes.Length);
        }

        var last = _lastReceivedAt;
        var receivedAt = Math.Max(now, last + 1);
        var record = _buffer.AsSpan(_end);
        BinaryPrimitives.WriteInt64LittleEndian(record, receivedAt);
        BinaryPrimitives.WriteInt32LittleEndian(record[8..], session);
        BinaryPrimitives.WriteInt32LittleEndian(record[12..], bytes.Length);
        BinaryPrimitives.WriteInt32LittleEndian(record[16..], (byte)kind);
        bytes.CopyTo(record[SegmentFormat.RecordHeaderBytes..]);

        _firstAt = _count == 0 ? receivedAt : _firstAt;
        _count++;
        _end += SegmentFormat.RecordHeaderBytes + bytes.Length;
        _firstFreeSession = Math.Max(_firstFreeSession, session + 1);
        Volatile.Write(ref _clockBehind, Math.Max(0, last - now));
        Volatile.Write(ref _lastReceivedAt, receivedAt);
        return receivedAt;
    }

    /// <summary>Writes the pending block with one `write`, rolls the segment when due, publishes `Written`.</summary>
    public FlushVerdict Flush()
    {
        if (_count == 0)
        {
            return FlushVerdict.Written;
        }

        try
        {
            WriteBlock();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Refuse(e);
        }

        if (_refusal is not null)
        {
            Volatile.Write(ref _refusal, null);
            _log.JournalAccepted(_segment!.Name);
        }

        if (_buffer != _normalBuffer)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = _normalBuffer;
        }

        _end = RecordsStart;
        Volatile.Write(ref _records, _records + _count);
        _count = 0;
        Volatile.Write(ref _written, _lastReceivedAt);
        _syncer.OnWritten(_writtenBytes);
        return FlushVerdict.Written;
    }

    /// <summary>
    /// The first block of a segment is written together with its header. A write that was cut short is repeated at the same offset
    /// with at least the same bytes, so it leaves no trace.
    /// </summary>
    private void WriteBlock()
    {
        var blockStart = RecordsStart - BlockHeadBytes;
        var blockBytes = _end - blockStart;
        if (_segment is { Length: > 0 } full && (full.Length + blockBytes > _settings.SegmentBytesMax || full.HasFailed))
        {
            _previousAt = _written;
            _segment = null;
        }

        _segment ??= _syncer.Add(SegmentFile.Create(_settings, _firstAt));
        var segment = _segment;
        var start = blockStart;
        if (segment.Length == 0)
        {
            start = 0;
            new SegmentHeader(IsCompressed: false, _firstFreeSession, segment.FirstAt, _previousAt, segment.CreatedAt).Write(_buffer);
        }

        Envelope.Seal(_buffer.AsSpan(blockStart, blockBytes), SegmentFormat.Block, _count, _firstAt, _lastReceivedAt);
        segment.Append(_buffer.AsSpan(start, _end - start));
        Volatile.Write(ref _writtenBytes, _writtenBytes + (_end - start));
    }

    private FlushVerdict Refuse(Exception refusal)
    {
        if (_refusal is null)
        {
            _log.JournalRefused(_segment?.Name ?? SegmentName.Raw(_firstAt), PendingBytes, refusal);
        }

        Volatile.Write(ref _refusal, refusal);
        return FlushVerdict.Refused;
    }

    /// <summary>The block is full, or the record is longer than a block: flush, then make room for what does not fit all the same.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void MakeRoom(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, SegmentFormat.RecordBytesMax);
        while (Flush() == FlushVerdict.Refused && !HasRoom(bytes))
        {
            Thread.Sleep(RefusedWaitMs);
        }

        var needed = _end + SegmentFormat.RecordHeaderBytes + bytes;
        if (needed <= _buffer.Length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, Math.Min(2 * _buffer.Length, RecordsStart + PendingBytesMax)));
        _buffer.AsSpan(0, _end).CopyTo(larger);
        if (_buffer != _normalBuffer)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = larger;
    }

    /// <summary>Flushes, syncs, truncates the preallocation, unlocks.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (Flush() == FlushVerdict.Refused)
        {
            _log.JournalLost(_count, PendingBytes, _firstAt, _lastReceivedAt);
        }

        _syncer.Dispose();
        _lock.Dispose();
    }
}
