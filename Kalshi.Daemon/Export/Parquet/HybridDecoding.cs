namespace Kalshi.Daemon.Export.Parquet;

/// <summary>Reads what <see cref="HybridEncoding"/> writes.</summary>
internal static class HybridDecoding
{
    /// <summary>Fills `values`; throws <see cref="InvalidDataException"/> when the bytes do not suffice.</summary>
    public static void Read(ReadOnlySpan<byte> bytes, Span<int> values, int width)
    {
        if (width > 32)
        {
            throw Broken();
        }

        while (values.Length > 0)
        {
            var head = Varint(ref bytes);
            var count = (int)Math.Min(head >> 1, (ulong)values.Length);
            if ((head & 1) == 0)
            {
                var valueBytes = (width + 7) / 8;
                if (count == 0 || bytes.Length < valueBytes)
                {
                    throw Broken();
                }

                values[..count].Fill((int)LittleEndian(bytes[..valueBytes]));
                values = values[count..];
                bytes = bytes[valueBytes..];
                continue;
            }

            var groups = head >> 1;
            if (groups == 0 || groups * (ulong)width > (ulong)bytes.Length)
            {
                throw Broken();
            }

            count = (int)Math.Min(groups * 8, (ulong)values.Length);
            Unpack(bytes, values[..count], width);
            values = values[count..];
            bytes = bytes[(int)(groups * (ulong)width)..];
        }
    }

    public static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (var i = 0; i < Math.Min(10, bytes.Length); i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return value;
            }
        }

        throw Broken();
    }

    private static void Unpack(ReadOnlySpan<byte> bytes, Span<int> values, int width)
    {
        ulong pending = 0;
        var bits = 0;
        var at = 0;
        var mask = width == 32 ? uint.MaxValue : (1u << width) - 1;
        foreach (ref var value in values)
        {
            while (bits < width)
            {
                pending |= (ulong)bytes[at++] << bits;
                bits += 8;
            }

            value = (int)((uint)pending & mask);
            pending >>= width;
            bits -= width;
        }
    }

    private static uint LittleEndian(ReadOnlySpan<byte> bytes)
    {
        uint value = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            value |= (uint)bytes[i] << (8 * i);
        }

        return value;
    }

    private static InvalidDataException Broken() => new("The Parquet file is damaged: a run-length stream ends early.");
}
