using System.Buffers.Binary;
using ZstdSharp;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>Column chunks → values: the mirror of <see cref="ChunkEncoder"/> and <see cref="PageWriter"/>. Checks every length before it is used.</summary>
internal sealed class ChunkDecoder : IDisposable
{
    private const int Boolean = 0, Int32 = 1;
    private const int DataPage = 0, DictionaryPage = 2;
    private const int Zstd = 6, Uncompressed = 0;

    /// <summary>Pages are about a MiB; one holds a single row when the row is larger.</summary>
    private const int PageBytesMax = 1 << 30;

    private readonly Decompressor _decompressor = new();
    private byte[] _page = [];

    public void Dispose() => _decompressor.Dispose();

    public long[] Integers(ReadOnlySpan<byte> chunk, ChunkFooter footer, bool isNullable)
    {
        var values = new long[footer.Values];
        var dictionary = Array.Empty<long>();
        var at = 0;
        while (at < values.Length)
        {
            var head = NextPage(ref chunk, footer, out var page);
            if (head.Type == DictionaryPage)
            {
                dictionary = new long[head.Values];
                PlainIntegers(page, footer, dictionary);
                continue;
            }

            var target = Slice(values, at, head.Values);
            var levels = isNullable ? Levels(ref page, head.Values) : null;
            var count = levels?.AsSpan().Count(1) ?? head.Values;
            IntegerValues(page, head, footer, dictionary, target[..count]);
            Spread(target, levels, count);
            at += head.Values;
        }

        return values;
    }

    public TextValues Texts(ReadOnlySpan<byte> chunk, ChunkFooter footer, bool isNullable)
    {
        var codes = new int[footer.Values];
        var distinct = new List<byte[]>();
        var at = 0;
        while (at < codes.Length)
        {
            var head = NextPage(ref chunk, footer, out var page);
            if (head.Type == DictionaryPage)
            {
                AddPlainTexts(page, head.Values, distinct);
                continue;
            }

            var target = Slice(codes, at, head.Values);
            var levels = isNullable ? Levels(ref page, head.Values) : null;
            var count = levels?.AsSpan().Count(1) ?? head.Values;
            TextCodes(page, head, distinct, target[..count]);
            Spread(target, levels, count);
            at += head.Values;
        }

        return new TextValues([.. distinct], codes);
    }

    public ListValues Lists(ReadOnlySpan<byte> chunk, ChunkFooter footer, int rows)
    {
        var starts = new int[rows + 1];
        var values = new List<long>();
        var dictionary = Array.Empty<long>();
        var row = 0;
        for (long at = 0; at < footer.Values;)
        {
            var head = NextPage(ref chunk, footer, out var page);
            if (head.Type == DictionaryPage)
            {
                dictionary = new long[head.Values];
                PlainIntegers(page, footer, dictionary);
                continue;
            }

            var repetitions = Levels(ref page, head.Values);
            var definitions = Levels(ref page, head.Values);
            var decoded = new long[definitions.AsSpan().Count(1)];
            IntegerValues(page, head, footer, dictionary, decoded);
            var before = values.Count;
            for (var i = 0; i < repetitions.Length; i++)
            {
                if (repetitions[i] == 0)
                {
                    starts[row < rows ? row++ : throw Broken("more lists than rows")] = before;
                }

                before += definitions[i];
            }

            values.AddRange(decoded);
            at += head.Values;
        }

        starts[rows] = row == rows ? values.Count : throw Broken("fewer lists than rows");
        return new ListValues(starts, [.. values]);
    }

    /// <summary>Reads the next page's header and unpacks the page; `chunk` moves past it.</summary>
    private PageHead NextPage(ref ReadOnlySpan<byte> chunk, ChunkFooter footer, out ReadOnlySpan<byte> page)
    {
        var head = PageHead.Read(chunk, out var headBytes);
        if (head.Packed < 0 || head.Unpacked < 0 || head.Values < 0 || head.Packed > chunk.Length - headBytes || head.Unpacked > PageBytesMax
            || (head.Type == DictionaryPage ? head.Values > head.Unpacked : head.Values > footer.Values))
        {
            throw Broken("a page larger than its chunk");
        }

        if (head.Type is not (DataPage or DictionaryPage) || footer.Codec is not (Zstd or Uncompressed))
        {
            throw new InvalidDataException("The Parquet file has pages or a compression that kalshid does not write.");
        }

        var packed = chunk.Slice(headBytes, head.Packed);
        chunk = chunk[(headBytes + head.Packed)..];
        page = footer.Codec == Uncompressed ? packed : Unpack(packed, head.Unpacked);
        return head;
    }

    private ReadOnlySpan<byte> Unpack(ReadOnlySpan<byte> packed, int length)
    {
        if (_page.Length < length)
        {
            _page = new byte[length];
        }

        try
        {
            return _decompressor.Unwrap(packed, _page.AsSpan(0, length)) == length ? _page.AsSpan(0, length) : throw Broken("a page of another length");
        }
        catch (ZstdException)
        {
            throw Broken("a page that zstd cannot read");
        }
    }

    private static void IntegerValues(ReadOnlySpan<byte> page, PageHead head, ChunkFooter footer, long[] dictionary, Span<long> target)
    {
        switch (head.Encoding)
        {
            case ParquetEncoding.Plain:
                PlainIntegers(page, footer, target);
                break;
            case ParquetEncoding.DeltaBinaryPacked:
                DeltaDecoding.Read(page, target, footer.PhysicalType == Int32);
                break;
            case ParquetEncoding.RleDictionary:
                Span<int> codes = new int[target.Length];
                Codes(page, codes, dictionary.Length);
                for (var i = 0; i < codes.Length; i++)
                {
                    target[i] = dictionary[codes[i]];
                }

                break;
            default:
                throw NotWritten(head);
        }
    }

    private static void PlainIntegers(ReadOnlySpan<byte> page, ChunkFooter footer, Span<long> target)
    {
        var bits = footer.PhysicalType switch { Boolean => 1, Int32 => 32, _ => 64 };
        if (((long)target.Length * bits) + 7 >> 3 > page.Length)
        {
            throw Broken("a page with fewer values than it says");
        }

        for (var i = 0; i < target.Length; i++)
        {
            target[i] = bits switch
            {
                1 => page[i >> 3] >> (i & 7) & 1,
                32 => BinaryPrimitives.ReadInt32LittleEndian(page[(i * 4)..]),
                _ => BinaryPrimitives.ReadInt64LittleEndian(page[(i * 8)..]),
            };
        }
    }

    private static void TextCodes(ReadOnlySpan<byte> page, PageHead head, List<byte[]> distinct, Span<int> target)
    {
        switch (head.Encoding)
        {
            case ParquetEncoding.RleDictionary:
                Codes(page, target, distinct.Count);
                break;
            case ParquetEncoding.DeltaLengthByteArray:
                var lengths = new long[target.Length];
                var at = DeltaDecoding.Read(page, lengths, isInt32: true);
                for (var i = 0; i < lengths.Length; i++)
                {
                    target[i] = distinct.Count;
                    distinct.Add(lengths[i] >= 0 && lengths[i] <= page.Length - at ? page.Slice(at, (int)lengths[i]).ToArray() : throw Broken("a text behind its page"));
                    at += (int)lengths[i];
                }

                break;
            default:
                throw NotWritten(head);
        }
    }

    private static void AddPlainTexts(ReadOnlySpan<byte> page, int count, List<byte[]> distinct)
    {
        for (; count > 0; count--)
        {
            var length = page.Length >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(page) : -1;
            if (length < 0 || length > page.Length - 4)
            {
                throw Broken("a text behind its page");
            }

            distinct.Add(page.Slice(4, length).ToArray());
            page = page[(4 + length)..];
        }
    }

    private static void Codes(ReadOnlySpan<byte> page, Span<int> codes, int count)
    {
        if (codes.IsEmpty)
        {
            return;
        }

        HybridDecoding.Read(page[1..], codes, page[0]);
        foreach (var code in codes)
        {
            if ((uint)code >= (uint)count)
            {
                throw Broken("a code behind its dictionary");
            }
        }
    }

    private static int[] Levels(ref ReadOnlySpan<byte> page, int count)
    {
        var length = page.Length >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(page) : -1;
        if (length < 0 || length > page.Length - 4)
        {
            throw Broken("levels longer than their page");
        }

        var levels = new int[count];
        HybridDecoding.Read(page.Slice(4, length), levels, 1);
        if (levels.AsSpan().ContainsAnyExceptInRange(0, 1))
        {
            throw Broken("levels deeper than the schema"); // A run states its value in a whole byte.
        }

        page = page[(4 + length)..];
        return levels;
    }

    /// <summary>Moves the `count` values at the front to the rows whose level is 1, from behind; the other rows are null.</summary>
    private static void Spread<T>(Span<T> rows, int[]? levels, int count)
        where T : struct
    {
        if (levels is null)
        {
            return;
        }

        var none = typeof(T) == typeof(long) ? (T)(object)ParquetReader.Null : (T)(object)-1;
        for (var i = rows.Length - 1; i >= 0; i--)
        {
            rows[i] = levels[i] == 1 ? rows[--count] : none;
        }
    }

    private static Span<T> Slice<T>(T[] values, int at, int count) =>
        count <= values.Length - at ? values.AsSpan(at, count) : throw Broken("more values than the footer says");

    private static InvalidDataException Broken(string what) => new($"The Parquet file is damaged: {what}.");

    private static InvalidDataException NotWritten(PageHead head) => new($"The Parquet file uses the encoding {head.Encoding}, which kalshid does not write.");
}
