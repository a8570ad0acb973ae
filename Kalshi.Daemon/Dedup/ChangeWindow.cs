namespace Kalshi.Daemon.Dedup;

/// <summary>
/// The latest changes of a stretch, oldest first, each with the book's digest behind it: what slower gatherers are compared with and new runs
/// attach to. The last one is the stretch's last. One thread. Allocates only to grow.
/// </summary>
internal sealed class ChangeWindow
{
    private Entry[] _entries = new Entry[4];
    private int _head;

    public struct Entry
    {
        public MarketChange Change;
        public int Ordinal;
        public ulong DigestAfter;

        /// <summary>Watermark of the turn that added it, µs: when it may go.</summary>
        public long AddedAt;

        public readonly ChangeKey Key => new(Change.At, Ordinal);
    }

    public int Count { get; private set; }

    /// <summary>Position before the first entry.</summary>
    public ChangeKey BaseKey { get; private set; }

    public ulong BaseDigest { get; private set; }

    public ref Entry this[int index] => ref _entries[(_head + index) & (_entries.Length - 1)];

    /// <summary>Empties it, to begin behind a position.</summary>
    public void Begin(ChangeKey baseKey, ulong baseDigest)
    {
        (_head, Count) = (0, 0);
        (BaseKey, BaseDigest) = (baseKey, baseDigest);
    }

    /// <summary>The position before entry `index`; of `Count`, the end.</summary>
    public (ChangeKey Key, ulong Digest) Before(int index) => index == 0 ? (BaseKey, BaseDigest) : (this[index - 1].Key, this[index - 1].DigestAfter);

    public void Add(in Entry entry)
    {
        if (Count == _entries.Length)
        {
            Grow();
        }

        this[Count++] = entry;
    }

    public void RemoveFirst()
    {
        (BaseKey, BaseDigest) = (this[0].Key, this[0].DigestAfter);
        _head = (_head + 1) & (_entries.Length - 1);
        Count--;
    }

    /// <summary>Keeps the first `count` entries.</summary>
    public void Truncate(int count) => Count = count;

    /// <summary>The entry with this key, or −1.</summary>
    public int Find(ChangeKey key) => CountTo(key) is var count and > 0 && this[count - 1].Key == key ? count - 1 : -1;

    /// <summary>Entries up to and including the key.</summary>
    public int CountTo(ChangeKey key)
    {
        var (low, high) = (0, Count);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            (low, high) = this[middle].Key <= key ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    /// <summary>Entries at the instant with an ordinal of at least `first` get one greater by `by`; so does the base.</summary>
    public void Renumber(long at, int first, int by)
    {
        BaseKey = Shift(BaseKey, at, first, by);
        for (var i = 0; i < Count && this[i].Change.At <= at; i++)
        {
            if (this[i].Change.At == at && this[i].Ordinal >= first)
            {
                this[i].Ordinal += by;
            }
        }
    }

    /// <summary>What stood before the first entry of a stretch that now continues another one.</summary>
    public void SetBase(ChangeKey key) => BaseKey = key;

    public static ChangeKey Shift(ChangeKey key, long at, int first, int by) => key.At == at && key.Ordinal >= first ? key with { Ordinal = key.Ordinal + by } : key;

    private void Grow()
    {
        var entries = new Entry[_entries.Length * 2];
        for (var i = 0; i < Count; i++)
        {
            entries[i] = this[i];
        }

        (_entries, _head) = (entries, 0);
    }
}
