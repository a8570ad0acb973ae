using System.Runtime.CompilerServices;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>Bytes that only grow until <see cref="Clear"/>, which keeps the memory. One thread.</summary>
internal sealed class ByteBuffer(int capacity = 4_096)
{
    private byte[] _bytes = new byte[capacity];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

    /// <summary>Bytes of memory held.</summary>
    public int Capacity => _bytes.Length;

    public void Clear() => Length = 0;

    /// <summary>Room for `count` bytes at the end; only what is told to <see cref="Advance"/> counts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<byte> Reserve(int count)
    {
        if (_bytes.Length - Length < count)
        {
            Grow(count);
        }

        return _bytes.AsSpan(Length);
    }

    public void Advance(int count) => Length += count;

    public void Append(byte value)
    {
        Reserve(1)[0] = value;
        Length++;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>Unsigned LEB128, as Thrift and Parquet use it.</summary>
    public void AppendVarint(ulong value)
    {
        var target = Reserve(10);
        var at = 0;
        while (value >= 0x80)
        {
            target[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        target[at++] = (byte)value;
        Length += at;
    }

    public void AppendZigzag(long value) => AppendVarint(ZigZag.Encode(value));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(int count)
    {
        var needed = (long)Length + count;
        Array.Resize(ref _bytes, (int)Math.Min(Math.Max(needed, _bytes.Length * 2L), Array.MaxLength));
    }
}
