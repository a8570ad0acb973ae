namespace Kalshi.Daemon.Store;

/// <summary>Bytes in several arrays: what is written goes into ones of 1 MiB and is never copied into a single one; or what arrays hold is read in order. One thread.</summary>
internal sealed class PartStream : Stream
{
    private const int PartBytes = 1 << 20;
    private const int InitialBytes = 1 << 12;

    private readonly List<byte[]> _parts;

    /// <summary>What is written to, or read from, and how far.</summary>
    private byte[] _part = [];
    private int _at;
    private int _next;

    /// <summary>To write.</summary>
    public PartStream() => (_parts, CanWrite) = ([], true);

    /// <summary>To read.</summary>
    public PartStream(IReadOnlyList<byte[]> parts) => _parts = [.. parts];

    public override bool CanRead => !CanWrite;

    public override bool CanSeek => false;

    public override bool CanWrite { get; }

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Everything that was written; ends the writing.</summary>
    public IReadOnlyList<byte[]> Parts()
    {
        Array.Resize(ref _part, _at);
        if (_at > 0)
        {
            _parts.Add(_part);
        }

        return _parts;
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            if (_at == _part.Length)
            {
                Grow();
            }

            var count = Math.Min(buffer.Length, _part.Length - _at);
            buffer[..count].CopyTo(_part.AsSpan(_at));
            _at += count;
            buffer = buffer[count..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        while (_at == _part.Length && _next < _parts.Count)
        {
            (_part, _at) = (_parts[_next++], 0);
        }

        var count = Math.Min(buffer.Length, _part.Length - _at);
        _part.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void Grow()
    {
        if (_part.Length < PartBytes)
        {
            Array.Resize(ref _part, Math.Max(InitialBytes, _part.Length * 2));
            return;
        }

        _parts.Add(_part);
        (_part, _at) = (new byte[PartBytes], 0);
    }
}
