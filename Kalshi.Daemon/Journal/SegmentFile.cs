using Kalshi.Daemon.Primitives;
using Microsoft.Win32.SafeHandles;

namespace Kalshi.Daemon.Journal;

/// <summary>A segment being written. Appended to by the capture thread only; synced and closed by the sync thread.</summary>
internal sealed class SegmentFile
{
    private readonly string _path;
    private readonly SafeFileHandle _handle;
    private long _length;
    private bool _hasFailed;

    private SegmentFile(string directory, long firstAt, SafeFileHandle handle)
    {
        _path = Path.Combine(directory, SegmentName.Raw(firstAt));
        _handle = handle;
        FirstAt = firstAt;
        CreatedAt = Micros.Now();
        Name = SegmentName.Raw(firstAt);
    }

    /// <summary>Makes the file with room reserved for all of it. Throws <see cref="IOException"/> when it exists or the disk refuses.</summary>
    public static SegmentFile Create(JournalSettings settings, long firstAt)
    {
        var path = Path.Combine(settings.Directory, SegmentName.Raw(firstAt));
        var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        Disk.TryReserve(handle, settings.SegmentBytesMax);
        return new SegmentFile(settings.Directory, firstAt, handle);
    }

    public string Name { get; }

    public long FirstAt { get; }

    public long CreatedAt { get; }

    /// <summary>Bytes of whole writes: where the next one goes. Written by the capture thread.</summary>
    public long Length => Volatile.Read(ref _length);

    /// <summary>Whether a sync of it failed: the kernel may have dropped its pages, so it gets no further block. Written by the sync thread.</summary>
    public bool HasFailed => Volatile.Read(ref _hasFailed);

    /// <summary>Whether its name is known to survive a power cut. Sync thread only.</summary>
    public bool IsNameDurable { get; set; }

    /// <summary>One write behind the last whole one; on an exception the next call overwrites whatever part got through.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_handle, bytes, _length);
        Volatile.Write(ref _length, _length + bytes.Length);
    }

    public void Sync() => Disk.Sync(_handle);

    public void MarkFailed() => Volatile.Write(ref _hasFailed, true);

    /// <summary>Gives back the reserved room (and what a refused write left), closes; a file that never got a whole block is removed.</summary>
    public void Close()
    {
        try
        {
            RandomAccess.SetLength(_handle, Length);
            if (Length == 0)
            {
                File.Delete(_path);
            }
        }
        catch (IOException)
        {
            // Only room is lost, and recovery gives it back.
        }

        _handle.Dispose();
    }
}
