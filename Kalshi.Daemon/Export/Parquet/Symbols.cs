using System.IO.Hashing;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>Text ↔ dense code, given at first sight. One thread. Grows with the number of different texts only.</summary>
internal sealed class Symbols
{
    private readonly ByteBuffer _bytes = new();
    private (int Start, int Length, int Hash)[] _texts = new (int, int, int)[256];

    /// <summary>Open addressing; code + 1, 0 = free; at most half full.</summary>
    private int[] _slots = new int[1_024];

    public int Count { get; private set; }

    public long Bytes => _bytes.Length;

    public ReadOnlySpan<byte> Text(int code) => _bytes.Span.Slice(_texts[code].Start, _texts[code].Length);

    public int Code(ReadOnlySpan<byte> text)
    {
        var hash = (int)XxHash3.HashToUInt64(text);
        var slots = _slots;
        for (var at = hash & (slots.Length - 1); ; at = (at + 1) & (slots.Length - 1))
        {
            var code = slots[at] - 1;
            if (code < 0)
            {
                return Add(text, hash, at);
            }

            if (_texts[code].Hash == hash && Text(code).SequenceEqual(text))
            {
                return code;
            }
        }
    }

    public void Clear()
    {
        _bytes.Clear();
        Array.Clear(_slots);
        Count = 0;
    }

    /// <summary>`ranks[code]` = place of the text among all, in byte order, which is the order of Parquet's statistics.</summary>
    public int[] Ranks()
    {
        var codes = new int[Count];
        for (var i = 0; i < codes.Length; i++)
        {
            codes[i] = i;
        }

        Array.Sort(codes, (a, b) => Text(a).SequenceCompareTo(Text(b)));
        var ranks = new int[Count];
        for (var i = 0; i < codes.Length; i++)
        {
            ranks[codes[i]] = i;
        }

        return ranks;
    }

    private int Add(ReadOnlySpan<byte> text, int hash, int slot)
    {
        if (Count == _texts.Length)
        {
            Array.Resize(ref _texts, Count * 2);
        }

        var valid = ValidText.Of(text);
        _texts[Count] = (_bytes.Length, valid.Length, hash);
        _bytes.Append(valid);
        _slots[slot] = ++Count;
        if (Count * 2 > _slots.Length)
        {
            Rehash();
        }

        return Count - 1;
    }

    private void Rehash()
    {
        _slots = new int[_slots.Length * 2];
        for (var code = 0; code < Count; code++)
        {
            var at = _texts[code].Hash & (_slots.Length - 1);
            while (_slots[at] != 0)
            {
                at = (at + 1) & (_slots.Length - 1);
            }

            _slots[at] = code + 1;
        }
    }
}
