namespace Kalshi.Daemon.Verify;

/// <summary>A list of structs without a list's object: millions of markets hold one. Grows by half.</summary>
internal struct Growing<T>
{
    private T[]? _items;

    public int Count { get; private set; }

    public readonly Span<T> Span => _items.AsSpan(0, Count);

    public readonly ref T this[int index] => ref _items![index];

    public void Add(in T item)
    {
        if (_items is null || Count == _items.Length)
        {
            Array.Resize(ref _items, Math.Max(4, Count + (Count / 2)));
        }

        _items[Count++] = item;
    }

    /// <summary>The first index whose key is not below `key`; Count when there is none. The items must lie in order of their keys.</summary>
    public readonly int FirstNotBelow(long key, Func<T, long> keyOf)
    {
        var (low, high) = (0, Count);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            (low, high) = keyOf(_items![middle]) < key ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
