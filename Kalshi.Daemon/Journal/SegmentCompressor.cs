using System.Buffers;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using ZstdSharp;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// Turns sealed segments into compressed ones of the same content.
/// In: whole .kj files that have a newer segment after them. Out: .kjz in their place, read back before the original goes. Thread:
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
    public const int DefaultLevel = 3;

    private readonly string _directory;
    private readonly ILogger _log;
    private readonly Compressor _zstd;
    private readonly HashSet<long> _leftAlone = [];

    /// <summary>`level`: zstd's. 3 shrinks real frames nearly as far as 9 does, at several times the speed.</summary>
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
                if (!TryWrite(raw, firstAt, file, isStopping, out var header) || !IsSame(temporary, header))
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
        while (true)
        {
            switch (reader.Step(isSealed: true))
            {
                case SegmentStep.Block when !isStopping():
                    chunks.Add(reader);
                    continue;
                case SegmentStep.End when reader.HasHeader && reader.HasBlock:
                    header = chunks.Finish(reader.Header);
                    return true;
                case SegmentStep.Skipped:
                    _log.SegmentLeftUncompressed(reader.FileName, reader.Skipped.From, reader.Skipped.To, reader.Skipped.Cause);
                    _leftAlone.Add(firstAt);
                    return false;
                default:
                    return false; // Stopping, or a segment without a block: nothing to gain.
            }
        }
    }

    /// <summary>The pair check before the only other copy goes: reads the new file as any reader would.</summary>
    private bool IsSame(string path, in SegmentHeader header)
    {
        using var reader = new SegmentReader(FileSource.Open(path), Path.GetFileName(path), isCompressed: true);
        var scan = SegmentScan.Run(reader);
        var isSame = scan.Damages.Count == 0 && scan.Tail == SegmentTail.None && scan.Header == header
            && scan.Blocks == header.Blocks && scan.Records == header.Records && scan.RawBytes == header.RawBytes && scan.LastAt == header.LastAt;
        if (!isSame)
        {
            _log.SegmentNotCompressed(SegmentName.Raw(header.FirstAt), new InvalidDataException("The compressed form does not read back as the original; the original is kept."));
        }

        return isSame;
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
