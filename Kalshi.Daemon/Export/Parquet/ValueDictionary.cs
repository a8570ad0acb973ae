namespace Kalshi.Daemon.Export.Parquet;

/// <summary>
/// The distinct integers of a column chunk with a code each. Codes are given by falling frequency, so that the usual values
/// have small codes and the high bytes of wide codes are nearly always zero. One thread; memory is reused.
/// </summary>
internal sealed class ValueDictionary
{
    /// <summary>A larger dictionary is no gain over differences.</summary>
    public const int CountMax = 1 << 16;

    private readonly long[] _values = new long[CountMax];
    private readonly int[] _frequencies = new int[CountMax];
    private readonly int[] _codes = new int[CountMax];

    /// <summary>Open addressing; index + 1, 0 = free; at most half full.</summary>
    private readonly int[] _slots = new int[CountMax * 2];

    public int Count { get; private set; }

    /// <summary>The values by code, after a successful <see cref="TryBuild"/>.</summary>
    public ReadOnlySpan<long> Values => _values.AsSpan(0, Count);

    /// <summary>Writes a code per value; false when there are too many different values, or so many that nothing is gained.</summary>
    public bool TryBuild(ReadOnlySpan<long> values, Span<int> codes)
    {
        Array.Clear(_slots);
        Count = 0;
        var countMax = Math.Min(CountMax, Math.Max(256, values.Length / 4));
        var previous = 0L;
        var previousIndex = -1;
        for (var i = 0; i < values.Length; i++)
        {
            var value = values[i];
            if (previousIndex < 0 || value != previous)
            {
                previousIndex = Index(value, countMax);
                if (previousIndex < 0)
                {
                    return false;
                }

                previous = value;
            }

            _frequencies[previousIndex]++;
            codes[i] = previousIndex;
        }

        OrderByFrequency();
        for (var i = 0; i < codes.Length; i++)
        {
            codes[i] = _codes[codes[i]];
        }

        return true;
    }

    private int Index(long value, int countMax)
    {
        var mask = _slots.Length - 1;
        for (var at = (int)((ulong)value * 0x9E37_79B9_7F4A_7C15 >> 47) & mask; ; at = (at + 1) & mask)
        {
            var index = _slots[at] - 1;
            if (index >= 0)
            {
                if (_values[index] == value)
                {
                    return index;
                }

                continue;
            }

            if (Count == countMax)
            {
                return -1;
            }

            _values[Count] = value;
            _frequencies[Count] = 0;
            _slots[at] = ++Count;
            return Count - 1;
        }
    }

    private void OrderByFrequency()
    {
        var order = new int[Count];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort(order, (a, b) => _frequencies[a] != _frequencies[b] ? _frequencies[b].CompareTo(_frequencies[a]) : _values[a].CompareTo(_values[b]));
        var values = new long[Count];
        for (var code = 0; code < order.Length; code++)
        {
            values[code] = _values[order[code]];
            _codes[order[code]] = code;
        }

        values.CopyTo(_values, 0);
    }
}
