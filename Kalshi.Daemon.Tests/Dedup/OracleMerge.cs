using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// What production must hold, told by somebody who knows the truth and all runs: it waits until it was told everything, checks that it was told every row once and in order, and
/// tells the union of the runs. It proves generator, driver, production and checker; and what its production is made of, tests spoil.
/// </summary>
internal sealed class OracleMerge(Scenario scenario, IBookOutput output) : IBookInput, IMergeMemory
{
    private readonly List<(FeedKind Kind, int Market, long EpochId, long ReceivedAt)>[] _told = [.. scenario.Feeds.Select(_ => new List<(FeedKind, int, long, long)>())];
    private readonly int[] _saved = new int[scenario.Feeds.Length];
    private bool _isDone;

    public static IBookInput Make(Scenario scenario, MergeSettings settings, IBookOutput output, IBookRecall recall) => new OracleMerge(scenario, output);

    public void OnSnapshot(int gatherer, int market, long epochId, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no) =>
        _told[gatherer].Add((FeedKind.Snapshot, market, epochId, receivedAt));

    public void OnChange(int gatherer, int market, long epochId, in MarketChange change) => _told[gatherer].Add((FeedKind.Change, market, epochId, change.ReceivedAt));

    public void OnCoverageEnded(int gatherer, int market, long epochId, long coveredTo, long receivedAt, string reason) =>
        _told[gatherer].Add((FeedKind.CoverageEnded, market, epochId, receivedAt));

    public void OnBroken(int gatherer, int market, long epochId, long receivedAt, string reason) => _told[gatherer].Add((FeedKind.Broken, market, epochId, receivedAt));

    public void OnReplaced(int gatherer, long receivedAt) => _told[gatherer].Add((FeedKind.Replaced, 0, 0, receivedAt));

    public void OnProgress(int gatherer, long receivedAt)
    {
    }

    public void OnPresence(int gatherer, bool isPresent)
    {
    }

    public bool OnTurn(long watermark)
    {
        if (_isDone || _told.Zip(scenario.Feeds).Any(pair => pair.First.Count < pair.Second.Count))
        {
            return false;
        }

        _isDone = true;
        for (var gatherer = 0; gatherer < _told.Length; gatherer++)
        {
            if (!_told[gatherer].SequenceEqual(scenario.Feeds[gatherer].Select(item => (item.Kind, item.Market, item.EpochId, item.ReceivedAt))))
            {
                throw new InvalidOperationException($"Gatherer {gatherer}'s rows were not told once and in order.");
            }
        }

        foreach (var truth in scenario.Markets)
        {
            new OracleMarket(scenario, truth, output).Tell();
        }

        return false;
    }

    public void WriteAll(StateWriter writer)
    {
        Array.Clear(_saved);
        WriteChanges(writer);
    }

    public void WriteChanges(StateWriter writer)
    {
        writer.Write(_isDone);
        for (var gatherer = 0; gatherer < _told.Length; gatherer++)
        {
            writer.Write(_told[gatherer].Count - _saved[gatherer]);
            foreach (var (kind, market, epochId, receivedAt) in _told[gatherer].Skip(_saved[gatherer]))
            {
                writer.Write((byte)kind);
                writer.Write(market);
                writer.Write(epochId);
                writer.Write(receivedAt);
            }

            _saved[gatherer] = _told[gatherer].Count;
        }
    }

    public void ReadAll(StateReader reader) => ReadChanges(reader);

    public void ReadChanges(StateReader reader)
    {
        _isDone = reader.ReadBoolean();
        for (var gatherer = 0; gatherer < _told.Length; gatherer++)
        {
            for (var count = reader.ReadInt32(); count > 0; count--)
            {
                _told[gatherer].Add(((FeedKind)reader.ReadByte(), reader.ReadInt32(), reader.ReadInt64(), reader.ReadInt64()));
            }

            _saved[gatherer] = _told[gatherer].Count;
        }
    }
}
