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
}
