using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Books;

internal enum BookVerdict : byte
{
    Applied,

    /// <summary>The level is now below zero, which no exchange's book ever is: a change before it was missed or misread.</summary>
    BelowZero,
}

/// <summary>
/// One market's two sides, prices in each side's own leg. One array holds both, `yes` ascending and then `no` ascending, 12
/// bytes a level, so that a dormant market costs about 150 bytes. Every change also moves <see cref="Hash"/>, a sum of mixed
/// levels: equal books have equal hashes whatever way they came about, and a snapshot is compared without being stored.
/// A level below zero is kept, so that the sum stays right if only the order was wrong. One thread. Allocates only to grow.
/// </summary>
internal sealed class Book
{
    private Slot[] _slots = [];
    private int _yesCount;
    private int _noCount;

    /// <summary>Order-independent over (side, price, quantity) of all levels; 0 for an empty book.</summary>
    public ulong Hash { get; private set; }

    public int YesCount => _yesCount;

    public int NoCount => _noCount;

    public bool IsEmpty => _yesCount + _noCount == 0;

    /// <summary>Level by rank, 0 = lowest price of that side.</summary>
    public Level Yes(int index) => At(index, _yesCount, 0);

    public Level No(int index) => At(index, _noCount, _yesCount);

    /// <summary>Takes a snapshot's levels, ascending by price; levels of quantity zero are no levels, equal prices add up.</summary>
    public void Replace(ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        if (_slots.Length < yes.Length + no.Length || _slots.Length > 4 * (yes.Length + no.Length + 4))
        {
            _slots = new Slot[yes.Length + no.Length];
        }

        _yesCount = Fill(_slots, yes);
        _noCount = Fill(_slots.AsSpan(_yesCount), no);
        Hash = HashOf(yes, no);
    }

    /// <summary>Adds a signed change to a level; a level at zero vanishes.</summary>
    public BookVerdict Apply(Side side, int price, long delta)
    {
        var from = side == Side.Yes ? 0 : _yesCount;
        ref var count = ref side == Side.Yes ? ref _yesCount : ref _noCount;
        var index = from + Search(_slots.AsSpan(from, count), price);
        if (index < from + count && _slots[index].Price == price)
        {
            ref var slot = ref _slots[index];
            var quantity = slot.Quantity + delta;
            Hash += Mix(side, price, quantity) - Mix(side, price, slot.Quantity);
            slot.Quantity = quantity;
            if (quantity == 0)
            {
                Remove(index);
                count--;
            }

            return quantity < 0 ? BookVerdict.BelowZero : BookVerdict.Applied;
        }

        if (delta != 0)
        {
            Insert(index, new Slot { Price = price, Quantity = delta });
            count++;
            Hash += Mix(side, price, delta);
        }

        return delta < 0 ? BookVerdict.BelowZero : BookVerdict.Applied;
    }

    public void Clear()
    {
        _yesCount = 0;
        _noCount = 0;
        Hash = 0;
    }

    /// <summary>The hash a book with these levels has.</summary>
    public static ulong HashOf(ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no) => HashOf(Side.Yes, yes) + HashOf(Side.No, no);

    /// <summary>By how much a change of one level moves the hash; for streams of changes that are summed without a book.</summary>
    public static ulong HashStep(Side side, int price, long before, long after) => Mix(side, price, after) - Mix(side, price, before);

    private static ulong HashOf(Side side, ReadOnlySpan<Level> levels)
    {
        ulong hash = 0;
        for (var i = 0; i < levels.Length; i++)
        {
            var quantity = levels[i].Quantity;
            while (i + 1 < levels.Length && levels[i + 1].Price == levels[i].Price)
            {
                quantity += levels[++i].Quantity;
            }

            hash += Mix(side, levels[i].Price, quantity);
        }

        return hash;
    }

    /// <summary>Two rounds of a multiply-xorshift finaliser over (side, price) and the quantity; no level mixes to 0 but quantity 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(Side side, int price, long quantity)
    {
        var x = (((ulong)(uint)price << 2) | (ulong)side) * 0x9E37_79B9_7F4A_7C15;
        x ^= x >> 32;
        x = (x + (ulong)quantity) * 0xD6E8_FEB8_6659_FD93;
        x ^= x >> 32;
        x *= 0xD6E8_FEB8_6659_FD93;
        x ^= x >> 32;
        return quantity == 0 ? 0 : x | 1;
    }

    private static int Fill(Span<Slot> slots, ReadOnlySpan<Level> levels)
    {
        var count = 0;
        foreach (var level in levels)
        {
            if (count > 0 && slots[count - 1].Price == level.Price)
            {
                slots[count - 1].Quantity += level.Quantity;
            }
            else if (level.Quantity != 0)
            {
                slots[count++] = new Slot { Price = level.Price, Quantity = level.Quantity };
            }
        }

        return count;
    }

    /// <summary>Index of the first level not below the price.</summary>
    private static int Search(ReadOnlySpan<Slot> slots, int price)
    {
        var low = 0;
        var high = slots.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (slots[middle].Price < price)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private void Insert(int index, Slot slot)
    {
        var used = _yesCount + _noCount;
        if (used == _slots.Length)
        {
            Array.Resize(ref _slots, Math.Max(4, used + (used / 2)));
        }

        _slots.AsSpan(index, used - index).CopyTo(_slots.AsSpan(index + 1));
        _slots[index] = slot;
    }

    private void Remove(int index)
    {
        var used = _yesCount + _noCount;
        _slots.AsSpan(index + 1, used - index - 1).CopyTo(_slots.AsSpan(index));
    }

    private Level At(int index, int count, int from)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)count, nameof(index));
        var slot = _slots[from + index];
        return new Level(slot.Price, slot.Quantity);
    }

    /// <summary>12 bytes: <see cref="Level"/> would be padded to 16.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct Slot
    {
        public int Price;
        public long Quantity;
    }
}
