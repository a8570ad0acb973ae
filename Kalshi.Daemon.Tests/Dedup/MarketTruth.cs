using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// Everything the exchange did to one market's book. Positions: n = the book after n changes; one more than there are changes: after the exchange cleared it.
/// Levels are few, so that changes meet at the same ones: half of the slots are `yes`, the others `no`.
/// </summary>
internal sealed class MarketTruth
{
    public const int SlotsPerSide = 6;
    public const int Slots = 2 * SlotsPerSide;

    private readonly long[] _books;
    private readonly int[] _instantOf;
    private readonly List<int> _begins = [];

    /// <param name="clearedAt">When the exchange cleared the book (µs), or `long.MaxValue`.</param>
    public MarketTruth(int id, long appearsAt, long[] opening, IReadOnlyList<TruthChange> changes, long clearedAt)
    {
        (Id, AppearsAt, Opening, Changes, ClearedAt) = (id, appearsAt, opening, changes, clearedAt);
        _books = new long[(changes.Count + 2) * Slots];
        _instantOf = new int[changes.Count];
        opening.CopyTo(_books, 0);
        for (var i = 0; i < changes.Count; i++)
        {
            Array.Copy(_books, i * Slots, _books, (i + 1) * Slots, Slots);
            _books[((i + 1) * Slots) + changes[i].Slot] += changes[i].Delta;
            if (i == 0 || changes[i].At != changes[i - 1].At)
            {
                _begins.Add(i);
            }

            _instantOf[i] = _begins.Count - 1;
        }
    }

    public int Id { get; }

    public long AppearsAt { get; }

    public long[] Opening { get; }

    public IReadOnlyList<TruthChange> Changes { get; }

    public long ClearedAt { get; }

    public bool IsCleared => ClearedAt != long.MaxValue;

    public int Instants => _begins.Count;

    public int InstantOf(int change) => _instantOf[change];

    /// <summary>First change of the instant, and the one behind its last.</summary>
    public int BeginOf(int instant) => _begins[instant];

    public int EndOf(int instant) => instant + 1 < _begins.Count ? _begins[instant + 1] : Changes.Count;

    public long StampOf(int instant) => Changes[_begins[instant]].At;

    public ChangeKey KeyOf(int change) => new(Changes[change].At, change - _begins[_instantOf[change]]);

    /// <summary>The instant with this stamp, or −1.</summary>
    public int FindInstant(long at)
    {
        var (low, high) = (0, Instants - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (StampOf(middle) == at)
            {
                return middle;
            }

            (low, high) = StampOf(middle) < at ? (middle + 1, high) : (low, middle - 1);
        }

        return -1;
    }

    public ReadOnlySpan<long> Book(int position) => _books.AsSpan(position * Slots, Slots);

    public bool IsBook(int position, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        var (ownYes, ownNo) = Levels(position);
        return yes.SequenceEqual(ownYes) && no.SequenceEqual(ownNo);
    }

    public (Level[] Yes, Level[] No) Levels(int position)
    {
        var book = Book(position);
        var (yes, no) = (new List<Level>(), new List<Level>());
        for (var slot = 0; slot < Slots; slot++)
        {
            if (book[slot] != 0)
            {
                (SideOf(slot) == Side.Yes ? yes : no).Add(new Level(PriceOf(slot), book[slot]));
            }
        }

        return ([.. yes], [.. no]);
    }

    public static Side SideOf(int slot) => slot < SlotsPerSide ? Side.Yes : Side.No;

    public static int PriceOf(int slot) => 10_000 * ((7 * (slot % SlotsPerSide)) + 3);

    public MarketChange ChangeAt(int index, long receivedAt)
    {
        var change = Changes[index];
        return new MarketChange(change.At, receivedAt, SideOf(change.Slot), PriceOf(change.Slot), change.Delta);
    }

    /// <summary>Whether the book within the instant, its ends included, is the same at two places: then the book does not tell a place in it.</summary>
    public bool HasRepeats(int instant)
    {
        for (var i = BeginOf(instant); i < EndOf(instant); i++)
        {
            for (var j = i + 1; j <= EndOf(instant); j++)
            {
                if (Book(i).SequenceEqual(Book(j)))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
