using System.IO.Hashing;
using System.Text;

namespace Kalshi.Daemon.Books;

/// <summary>
/// Tickers as dense ids 0, 1, 2, … in order of first sight, found by their UTF-8 bytes without making a string. Open
/// addressing over one byte arena: about 20 bytes a ticker beside its text; a name becomes a string once, when asked for.
/// One thread. Allocates only when a ticker is new.
/// </summary>
internal sealed class TickerTable
{
    private const int InitialSlots = 64;

    /// <summary>id + 1, 0 = free; the length is a power of two and at least twice the count.</summary>
    private int[] _slots = new int[InitialSlots];
    private Entry[] _entries = new Entry[InitialSlots / 2];

    /// <summary>Names asked for so far; empty while none was.</summary>
    private string?[] _names = [];
    private byte[] _arena = new byte[1_024];
    private int _arenaUsed;

    public int Count { get; private set; }

    /// <summary>The id of the ticker, which is added when it is new.</summary>
    public int GetOrAdd(ReadOnlySpan<byte> ticker)
    {
        var hash = XxHash3.HashToUInt64(ticker);
        var slot = Probe(ticker, hash);
        return _slots[slot] != 0 ? _slots[slot] - 1 : Add(ticker, hash, slot);
    }

    public int GetOrAdd(string ticker) => GetOrAdd(Encoding.UTF8.GetBytes(ticker));

    public bool TryGet(ReadOnlySpan<byte> ticker, out int id)
    {
        id = _slots[Probe(ticker, XxHash3.HashToUInt64(ticker))] - 1;
        return id >= 0;
    }

    public string Name(int id)
    {
        if (id >= _names.Length)
        {
            Array.Resize(ref _names, _entries.Length);
        }

        return _names[id] ??= Encoding.UTF8.GetString(Bytes(id));
    }

    public ReadOnlySpan<byte> Bytes(int id)
    {
        var start = _entries[id].Start;
        return _arena.AsSpan(start, (id + 1 < Count ? _entries[id + 1].Start : _arenaUsed) - start);
    }

    /// <summary>Every ticker, in order of id.</summary>
    public IEnumerable<string> Names => Enumerable.Range(0, Count).Select(Name);

    private int Probe(ReadOnlySpan<byte> ticker, ulong hash)
    {
        var slots = _slots;
        var mask = slots.Length - 1;
        for (var slot = (int)hash & mask; ; slot = (slot + 1) & mask)
        {
            var id = slots[slot] - 1;
            if (id < 0 || (_entries[id].Hash == (uint)hash && Bytes(id).SequenceEqual(ticker)))
            {
                return slot;
            }
        }
    }

    private int Add(ReadOnlySpan<byte> ticker, ulong hash, int slot)
    {
        if (Count == _entries.Length)
        {
            Grow();
            slot = Probe(ticker, hash);
        }

        while (_arenaUsed + ticker.Length > _arena.Length)
        {
            // By less than doubling: it is the largest array of a process that knows a million markets.
            Array.Resize(ref _arena, _arena.Length + (_arena.Length / 4));
        }

        ticker.CopyTo(_arena.AsSpan(_arenaUsed));
        _entries[Count] = new Entry { Hash = (uint)hash, Start = _arenaUsed };
        _arenaUsed += ticker.Length;
        _slots[slot] = ++Count;
        return Count - 1;
    }

    private void Grow()
    {
        Array.Resize(ref _entries, _entries.Length * 2);
        _slots = new int[_entries.Length * 2];
        var mask = _slots.Length - 1;
        for (var id = 0; id < Count; id++)
        {
            var slot = (int)_entries[id].Hash & mask;
            while (_slots[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }

            _slots[slot] = id + 1;
        }
    }

    private struct Entry
    {
        public uint Hash;

        /// <summary>Where its text begins, which ends where the next one's does.</summary>
        public int Start;
    }
}
