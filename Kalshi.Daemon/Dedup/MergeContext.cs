namespace Kalshi.Daemon.Dedup;

/// <summary>What all markets of a <see cref="BookMerge"/> share. One thread.</summary>
internal sealed class MergeContext
{
    private const int FreeWindowsMax = 4_096;

    /// <summary>A turn recalls for so long, since all other rows wait for it.</summary>
    private static readonly TimeSpan RecallTimeMax = TimeSpan.FromMilliseconds(256);

    /// <summary>What a recall counts for: so turns do not depend on the clock where production is quick.</summary>
    private static readonly TimeSpan RecallTimeMin = TimeSpan.FromMilliseconds(1);

    private readonly IBookRecall _recall;
    private readonly Stack<ChangeWindow> _windows = [];
    private TimeSpan _recallTimeLeft = RecallTimeMax;

    /// <summary>By market.</summary>
    private MarketMarks[] _marks = new MarketMarks[1_024];

    public MergeContext(MergeSettings settings, IBookOutput output, IBookRecall recall)
    {
        Settings = settings;
        Output = output;
        _recall = recall;
        Progress = new long[settings.Gatherers];
        Reach = [.. Enumerable.Range(0, settings.Gatherers).Select(_ => new EpochReach())];
        IsPresent = new bool[settings.Gatherers];
    }

    public MergeSettings Settings { get; }

    public IBookOutput Output { get; }

    /// <summary>What was recalled last.</summary>
    public List<(ChangeKey Key, MarketChange Change)> Recalled { get; } = [];

    public bool MayRecall => _recallTimeLeft > TimeSpan.Zero;

    /// <summary>Markets of which production does not have, until the turn is committed, what it should before their windows.</summary>
    public HashSet<int> Unsettled { get; } = [];

    /// <summary>By gatherer: received_at up to which everything was told.</summary>
    public long[] Progress { get; }

    /// <summary>By gatherer: how far its epochs are known to have been alive.</summary>
    public EpochReach[] Reach { get; }

    public bool[] IsPresent { get; }

    public long Watermark { get; set; }

    public BookMergeCounters Counters { get; } = new();

    /// <summary>Markets whose windows have a new entry, in order: (watermark, market).</summary>
    public Queue<(long AddedAt, int Market)> Added { get; } = [];

    /// <summary>Markets with something to decide at the end of the turn.</summary>
    public List<int> Touched { get; } = [];

    /// <summary>Markets that changed since the state was saved.</summary>
    public List<int> Dirty { get; } = [];

    public bool IsEverybodyPresent => Array.TrueForAll(IsPresent, present => present);

    /// <param name="hasMore">The next turn goes on with what this one left: they recall as one.</param>
    public void EndTurn(bool hasMore)
    {
        _recallTimeLeft = hasMore ? _recallTimeLeft : RecallTimeMax;
        Unsettled.Clear();
    }

    /// <summary>As <see cref="IBookRecall.RecallChanges"/>, into <see cref="Recalled"/>.</summary>
    public void RecallChanges(int market, ChangeKey from, ChangeKey to, int most)
    {
        Counters.Recalls++;
        Recalled.Clear();
        var took = _recall.RecallChanges(market, from, to, most, Recalled);
        _recallTimeLeft -= took > RecallTimeMin ? took : RecallTimeMin;
    }

    public void Touch(int market)
    {
        if (TryMark(market, MarketMarks.Touched))
        {
            Touched.Add(market);
        }
    }

    public void MarkDirty(int market)
    {
        if (TryMark(market, MarketMarks.Dirty))
        {
            Dirty.Add(market);
        }
    }

    /// <summary>False when it has the mark already.</summary>
    public bool TryMark(int market, MarketMarks mark)
    {
        if (market >= _marks.Length)
        {
            Array.Resize(ref _marks, Math.Max(market + 1, _marks.Length * 2));
        }

        ref var marks = ref _marks[market];
        var isNew = (marks & mark) == 0;
        marks |= mark;
        return isNew;
    }

    /// <summary>Of a market that has it.</summary>
    public void Unmark(int market, MarketMarks mark) => _marks[market] &= ~mark;

    public ChangeWindow RentWindow(ChangeKey baseKey, ulong baseDigest)
    {
        var window = _windows.TryPop(out var free) ? free : new ChangeWindow();
        window.Begin(baseKey, baseDigest);
        return window;
    }

    public void ReturnWindow(ChangeWindow window)
    {
        if (_windows.Count < FreeWindowsMax)
        {
            _windows.Push(window);
        }
    }
}
