using Kalshi.Daemon.Books;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Books;
using Kalshi.Daemon.Tests.Verify;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>A store tells what the journal told that it was loaded from, however many rows a range may have.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.Native))]
[Parallelizable(ParallelScope.Self)]
internal sealed class StoreReplayTest(StoreFlavour flavour)
{
    [Test]
    public async Task Rows_rejections_and_epochs_come_in_the_journals_order_and_coverage_as_the_journal_tells_it()
    {
        var random = Seeds.New(out var seed);
        for (var round = 0; round < 5; round++)
        {
            var exchangeSeed = random.Next();
            using var rig = (await StoreRig.NewAsync(flavour)).Append(new MiniExchange(exchangeSeed, steps: 800).Script, stretch: 100_000);
            rig.Load(batchRowsMax: random.Next(1, 400));
            var (fromJournal, fromStore) = (new RecordingSink(), new RecordingSink());
            JournalReplay.Run(rig.Journal, fromJournal);
            var rowsMax = random.Next(3) == 0 ? int.MaxValue : random.Next(1, 60);
            var faults = Replay(rig, fromStore, rowsMax);
            var replayIt = $"seed {seed}, exchange {exchangeSeed}, rows {rowsMax}";
            Assert.That(faults.Texts, Is.Empty, replayIt);
            Assert.That(Told(fromStore), Is.EqualTo(Told(fromJournal)).AsCollection, replayIt);
            Assert.That(fromStore.Lines.Where(IsCoverage), Is.EquivalentTo(fromJournal.Lines.Where(IsCoverage)), replayIt);
        }
    }

    private static StoreFaults Replay(StoreRig rig, IReplaySink sink, int rowsMax)
    {
        using var reader = StoreReader.Open(rig.Database);
        var faults = new StoreFaults();
        using var replay = new StoreReplay(reader, sink, faults, rowsMax: rowsMax);
        replay.FeedTo(long.MaxValue);
        replay.Finish();
        replay.CheckOpen();
        return faults;
    }

    /// <summary>Without coverage, and without the repetitions of trades that a store does not keep; trades of a page come in any order.</summary>
    private static List<string> Told(RecordingSink sink)
    {
        var trades = new HashSet<string>();
        var told = sink.Lines.Where(line => !IsCoverage(line) && !line.StartsWith("page ", StringComparison.Ordinal)
            && (line.Split(' ') is not ([("trade" or "backfilled"), ..] and [.., var id]) || trades.Add(id))).ToList();
        for (int at = 0, end; at < told.Count; at = Math.Max(end, at + 1))
        {
            for (end = at; end < told.Count && told[end].StartsWith("backfilled", StringComparison.Ordinal); end++)
            {
            }

            told.Sort(at, end - at, StringComparer.Ordinal);
        }

        return told;
    }

    private static bool IsCoverage(string line) => line.StartsWith("Coverage ", StringComparison.Ordinal);
}
