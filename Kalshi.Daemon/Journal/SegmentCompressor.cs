using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using ZstdSharp;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// Turns sealed segments into compressed ones of the same content.
/// In: whole .kj files that have a newer segment after them. Out: .kjz in their place, proven equal before the original goes. Thread:
/// the caller's, for minutes: give it one of low priority. Bound: one chunk raw and one compressed. When the disk is full: the
/// original stays, tried again at the next call. A segment with any damage stays as it is, so that the damage stays visible.
/// <code>
/// crash after …                   what the next start or turn finds      and does
/// writing NAME.kjz.tmp            .kj, .tmp                              removes the .tmp
/// rename to NAME.kjz              .kj, .kjz (whole, synced)              removes the .kj
/// removing NAME.kj                .kjz                                   nothing
/// </code>
/// </summary>
internal sealed class SegmentCompressor : IDisposable
{
    public const int DefaultLevel = 1;

    private readonly string _directory;
    private readonly ILogger _log;
    private readonly Compressor _zstd;
    private readonly HashSet<long> _leftAlone = [];

    /// <summary>`level`: zstd's. On real frames 1 gives 18:1 (3: 17:1, 6: 20:1, 9: 22:1) at several times the speed of 6 or 9.</summary>
    public SegmentCompressor(string directory, ILogger log, int level = DefaultLevel)
    {
        _directory = directory;
        _log = log;
        _zstd = new Compressor(level);
    }

    /// <summary>Compresses every segment but the newest, oldest first. Returns how many. Ends early when `isStopping`.</summary>
    public int CompressSealed(Func<bool> isStopping)
    {
        var compressed = 0;
        var segments = SegmentName.List(_directory);
        for (var i = 0; i < segments.Count - 1 && !isStopping(); i++)
        {
            if (segments[i] is { HasRaw: true, HasCompressed: true })
            {
                File.Delete(Path.Combine(_directory, SegmentName.Raw(segments[i].FirstAt)));
            }
            else if (segments[i].HasRaw && !_leftAlone.Contains(segments[i].FirstAt))
            {
                compressed += TryCompress(segments[i].FirstAt, isStopping) ? 1 : 0;
            }
        }

        return compressed;
    }

    private bool TryCompress(long firstAt, Func<bool> isStopping)
    {
        var raw = Path.Combine(_directory, SegmentName.Raw(firstAt));
        var target = Path.Combine(_directory, SegmentName.Compressed(firstAt));
        var temporary = target + SegmentName.TemporaryExtension;
        try
        {
            using (var file = File.OpenHandle(temporary, FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
            {
                if (!TryWrite(raw, firstAt, file, isStopping, out var header) || !IsWhole(temporary, header))
                {
                    File.Delete(temporary);
                    return false;
                }

                Disk.Sync(file);
                _log.SegmentCompressed(SegmentName.Raw(firstAt), header.RawBytes, RandomAccess.GetLength(file));
            }

            File.Move(temporary, target);
            Disk.SyncDirectory(_directory);
            File.Delete(raw);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.SegmentNotCompressed(SegmentName.Raw(firstAt), e);
            TryDelete(temporary);
            return false;
        }
    }

    private bool TryWrite(string raw, long firstAt, SafeFileHandle file, Func<bool> isStopping, out SegmentHeader header)
    {
        header = default;
        using var reader = new SegmentReader(FileSource.Open(raw), SegmentName.Raw(firstAt), isCompressed: false);
        using var chunks = new ChunkWriter(_zstd, file);
        var sums = new SegmentScan { FileName = reader.FileName };
        while (true)
        {
            switch (reader.Step(isSealed: true))
            {
                case SegmentStep.Block when isStopping():
                    return false;
                case SegmentStep.Block when chunks.TryAdd(reader):
                    sums.AddBlock(reader);
                    continue;
                case SegmentStep.End when reader.HasHeader && reader.HasBlock && chunks.TryFinish(reader.Header, Math.Max(reader.Header.FirstSession, sums.SessionHigh + 1), out header):
                    return true;
                case SegmentStep.Skipped:
                    return LeaveAlone(firstAt, reader.Skipped);
                case SegmentStep.Block or SegmentStep.End when reader.HasBlock:
                    return LeaveAlone(firstAt, (0, reader.Length, "its records do not come back from compression as they were"));
                default:
                    return false; // A segment without a block: nothing to gain.
            }
        }
    }

    private bool LeaveAlone(long firstAt, (long From, long To, string Cause) reason)
    {
        _log.SegmentLeftUncompressed(SegmentName.Raw(firstAt), reason.From, reason.To, reason.Cause);
        _leftAlone.Add(firstAt);
        return false;
    }

    /// <summary>
    /// The last look before the only other copy goes: the file holds whole chunks of so many records up to the end. (That each
    /// chunk's records come back as they were was checked when it was written.)
    /// </summary>
    private bool IsWhole(string path, in SegmentHeader header)
    {
        using var chunks = new EnvelopeReader(FileSource.Open(path), SegmentFormat.Chunk, SegmentFormat.HeaderBytes);
        long records = 0;
        while (chunks.Step(isSealed: true) == EnvelopeStep.Envelope)
        {
            records += chunks.Current.Count;
        }

        var isWhole = records == header.Records && chunks.LastAt == header.LastAt && chunks.Next == new FileInfo(path).Length;
        if (!isWhole)
        {
            _log.SegmentNotCompressed(SegmentName.Raw(header.FirstAt), new InvalidDataException("the compressed file does not read back; the original is kept"));
        }

        return isWhole;
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next recovery removes it.
        }
    }

    public void Dispose() => _zstd.Dispose();
}
