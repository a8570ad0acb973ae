using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Tests.Books;
using Kalshi.Daemon.Verify;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Verify;

internal sealed class VerificationTest
{
    private string _directory = "";

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("kalshid-verify-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void Every_delta_of_a_faulty_stream_is_accounted_for()
    {
        for (var seed = 1; seed <= 200; seed++)
        {
            var exchange = new MiniExchange(seed, steps: 600);
            var report = Verify(RowTape.Of(exchange.Script).Items, exchange);
            var replayIt = $"replay with seed {seed}\n{report}";
            Assert.That(report.Deltas.Expected, Is.EqualTo(exchange.Produced), replayIt);
            Assert.That(report.Deltas.Present, Is.EqualTo(exchange.Captured), replayIt);
            Assert.That(report.Deltas.Rejected, Is.EqualTo(exchange.Rejected), replayIt);
            Assert.That(report.Deltas.InReportedGaps, Is.EqualTo(exchange.Produced - exchange.Captured - exchange.Rejected), replayIt);
            Assert.That(report.Trades.Present + report.Trades.InReportedGaps, Is.EqualTo(exchange.TradesProduced), replayIt);
            Assert.That(report.IsSound, replayIt);
        }
    }

    [Test]
    public void A_faultless_stream_is_whole_from_its_first_snapshot_on()
    {
        var exchange = new MiniExchange(5, steps: 2_000, withFaults: false);
        var report = Verify(RowTape.Of(exchange.Script).Items, exchange);
        Assert.That(report.IsSound, report.ToString());
        Assert.That(report.NotDense, Is.Zero);
        Assert.That(report.Audit.SnapshotsChecked, Is.GreaterThan(10));
    }

    /// <summary>A snapshot, a loss, and then a delta that was produced twice at one stamp: before the snapshot, unheard, and after it.</summary>
    [Test]
    public void What_follows_a_snapshot_lies_behind_it_though_its_equal_lies_before()
    {
        const string Again = """{"kind":"delta","ticker":"M","exchange_at":7,"side":"yes","price":400000,"delta":100}""";
        var truth = string.Join('\n',
        [
            """{"kind":"snapshot","ticker":"M","exchange_at":5,"yes":[],"no":[]}""",
            Again,
            """{"kind":"snapshot","ticker":"M","exchange_at":7,"yes":[[400000,100]],"no":[]}""",
            """{"kind":"delta","ticker":"M","exchange_at":7,"side":"yes","price":700000,"delta":100}""",
            Again,
            "",
        ]);
        var script = new Script().SubscribeBooks(tickers: "M").Snapshot(1, "M").SessionClosed(1, "reset by peer")
            .SubscribeBooks(session: 2, tickers: "M").Snapshot(1, "M", yes: Script.Levels([new Level(400_000, 100)]), session: 2)
            .Delta(3, "M", price: "0.4000", exchangeAt: 7, session: 2);
        var report = Verify(RowTape.Of(script).Items, truth);
        Assert.That(report.IsSound, report.ToString());
        Assert.That((report.Deltas.Present, report.Deltas.InReportedGaps), Is.EqualTo((1, 2)), report.ToString());
    }

    [Test]
    public void One_delta_taken_away_is_lost() => Mutate((items, at, _) => items.RemoveAt(at), counts => counts.Lost, isExact: true);

    [Test]
    public void One_delta_twice_is_duplicated() => Mutate((items, at, _) => items.Insert(at, items[at]), counts => counts.Duplicated, isExact: true);

    [Test]
    public void One_delta_changed_is_altered() => Mutate(
        (items, at, random) =>
        {
            var row = (DeltaRow)items[at];
            items[at] = random.Next(4) switch
            {
                0 => row with { Delta = row.Delta + 7 },
                1 => row with { Price = row.Price + 5_000 },
                2 => row with { ExchangeAt = row.ExchangeAt + 1_000_000_000 },
                _ => row with { Side = (Kalshi.Daemon.Exchange.Protocol.Side)(3 - (int)row.Side), Price = row.Price + 5_000 },
            };
        },
        counts => counts.Altered,
        isExact: true);

    [Test]
    public void Two_deltas_swapped_are_reordered() => Mutate(
        (items, at, _) =>
        {
            var row = (DeltaRow)items[at];
            for (var other = at + 1; other < items.Count; other++)
            {
                if (items[other] is DeltaRow next && next.Ticker == row.Ticker && next.Key.EpochId == row.Key.EpochId
                    && (next.Side, next.Price, next.Delta, next.ExchangeAt) != (row.Side, row.Price, row.Delta, row.ExchangeAt))
                {
                    // The values change places, the numbers stay: only the truth can tell.
                    items[at] = next with { Key = row.Key };
                    items[other] = row with { Key = next.Key };
                    return;
                }
            }

            items.RemoveAll(item => item is DeltaRow);
        },
        counts => counts.Reordered + counts.Lost,
        isExact: false);

    [Test]
    public void Without_a_truth_a_missing_row_breaks_the_density_and_a_double_one_the_order()
    {
        var tape = RowTape.Of(new MiniExchange(11, 600).Script).Items;
        Assert.That(Verification.Run("tape", audit => RowTape.Play(tape, audit), null).IsSound);
        var at = tape.FindIndex(200, item => item is DeltaRow);
        var missing = new List<object>(tape);
        missing.RemoveAt(at);
        Assert.That(Verification.Run("tape", audit => RowTape.Play(missing, audit), null).NotDense, Is.EqualTo(1));
        var doubled = new List<object>(tape);
        doubled.Insert(at, tape[at]);
        var report = Verification.Run("tape", audit => RowTape.Play(doubled, audit), null);
        Assert.That((report.NotDense, report.Audit.SeqNotRising), Is.EqualTo((1, 1)));
    }

    [Test]
    public void The_json_has_the_keys_scripts_rely_on()
    {
        var exchange = new MiniExchange(3, 300);
        using var json = System.Text.Json.JsonDocument.Parse(Verify(RowTape.Of(exchange.Script).Items, exchange).ToJson());
        foreach (var key in new[] { "expected", "present", "lost", "duplicated", "altered", "reordered", "in_reported_gaps", "rejected", "markets", "negative_levels", "snapshot_mismatches" })
        {
            Assert.That(json.RootElement.GetProperty(key).ValueKind, Is.EqualTo(System.Text.Json.JsonValueKind.Number), key);
        }

        Assert.That(json.RootElement.GetProperty("gaps").ValueKind, Is.EqualTo(System.Text.Json.JsonValueKind.Array));
        long Number(string key) => json.RootElement.GetProperty(key).GetInt64();
        Assert.That(Number("expected"), Is.EqualTo(exchange.Produced + exchange.TradesProduced));
        Assert.That(Number("expected"), Is.EqualTo(Number("present") + Number("lost") + Number("in_reported_gaps") + Number("rejected")));
    }

    /// <summary>Applies one mutation at random deltas of random streams: each must be found, be named right, and make the store unsound.</summary>
    private void Mutate(Action<List<object>, int, Random> mutation, Func<KindCounts, long> named, bool isExact)
    {
        for (var seed = 1; seed <= 60; seed++)
        {
            var random = new Random(seed);
            var exchange = new MiniExchange(seed, steps: 400);
            var items = RowTape.Of(exchange.Script).Items;
            var deltas = Enumerable.Range(0, items.Count).Where(i => items[i] is DeltaRow).ToArray();
            mutation(items, deltas[random.Next(deltas.Length)], random);
            var report = Verify(items, exchange);
            var replayIt = $"replay with seed {seed}\n{report}";
            Assert.That(report.IsSound, Is.False, replayIt);
            Assert.That(named(report.Deltas), isExact ? Is.EqualTo(1) : Is.GreaterThanOrEqualTo(1), replayIt);
            Assert.That(report.Deltas.Present + report.Deltas.Altered + report.Deltas.Lost + report.Deltas.InReportedGaps + report.Deltas.Rejected, Is.EqualTo(exchange.Produced), replayIt);
        }
    }

    private VerifyReport Verify(List<object> items, MiniExchange exchange) => Verify(items, exchange.Truth);

    private VerifyReport Verify(List<object> items, string truth)
    {
        var path = Path.Combine(_directory, "truth.ndjson");
        File.WriteAllText(path, truth);
        return Verification.Run("tape", audit => RowTape.Play(items, audit), path);
    }
}
