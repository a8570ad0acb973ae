using Microsoft.Win32.SafeHandles;

namespace Kalshi.Daemon.Journal;

/// <summary>Bytes at offsets: a file, or memory when no file is wanted. One thread.</summary>
internal abstract class ByteSource : IDisposable
{
    public abstract long Length { get; }

    /// <summary>Reads up to `into.Length` bytes; 0 only at the end.</summary>
    public abstract int Read(Span<byte> into, long offset);

    public virtual void Dispose()
    {
    }
}

internal sealed class MemorySource(byte[] bytes, int length) : ByteSource
{
    public override long Length => length;

    public override int Read(Span<byte> into, long offset)
    {
        var count = (int)Math.Clamp(length - offset, 0, into.Length);
        bytes.AsSpan((int)Math.Min(offset, length), count).CopyTo(into);
        return count;
    }
}

internal sealed class FileSource(SafeFileHandle handle) : ByteSource
{
    private const int PageBytes = 4_096;

    /// <summary>Opens so that a writer, a rename or a removal is never hindered. Throws FileNotFoundException when it is gone.</summary>
    public static FileSource Open(string path) => new(File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));

    public override long Length => RandomAccess.GetLength(handle);

    public override int Read(Span<byte> into, long offset)
    {
        try
        {
            return RandomAccess.Read(handle, into, offset);
        }
        catch (IOException)
        {
            return ReadAroundBadPage(into, offset);
        }
    }

    public override void Dispose() => handle.Dispose();

    /// <summary>A page the disk cannot read becomes zeros: its block fails its CRC and is reported, the pages around it are still read.</summary>
    private int ReadAroundBadPage(Span<byte> into, long offset)
    {
        var page = into[..Math.Min(into.Length, PageBytes - (int)(offset % PageBytes))];
        try
        {
            return RandomAccess.Read(handle, page, offset);
        }
        catch (IOException)
        {
            page = page[..(int)Math.Clamp(Length - offset, 0, page.Length)];
            page.Clear();
            return page.Length;
        }
    }
}
