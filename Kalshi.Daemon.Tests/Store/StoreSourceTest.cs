using System.Text.RegularExpressions;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Books;
using Kalshi.Daemon.Tests.Export;
using Kalshi.Daemon.Tests.Verify;
using Kalshi.Daemon.Verify;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>`verify --store` and `book --store` say what they say of the journal the store was loaded from; and they notice a store that was touched.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.Native))]
[Parallelizable(ParallelScope.Self)]
internal sealed partial class StoreSourceTest(StoreFlavour flavour)
{
    /// <summary>Exchange stamps of the mini exchange are of 1970; a stretch makes its records span some hours.</summary>
    private const long Stretch = 1_000_000;

    [Test]
    public async Task Verify_comes_to_the_same_numbers_as_from_the_journal()
    {
        var random = Seeds.New(out var seed);
        for (var round = 0; round < 6; round++)
        {
            var exchange = new MiniExchange(random.Next(), steps: 900, withFaults: round > 0);
            using var rig = (await StoreRig.NewAsync(flavour)).Append(exchange.Script, Stretch);
            rig.Load(random.Next(1, 500));
            var truth = Path.Combine(rig.Fixture.DataDirectory, "truth.ndjson");
            await File.WriteAllTextAsync(truth, exchange.Truth);
            Assert.That(Numbers(rig.Verify()), Is.EqualTo(Numbers(rig.VerifyJournal())), $"seed {seed}, round {round}");
            Assert.That(Numbers(rig.Verify(truth)), Is.EqualTo(Numbers(rig.VerifyJournal(truth))), $"seed {seed}, round {round}, with truth");
            Assert.That(rig.Verify(truth).IsSound, rig.Verify(truth).ToString());
        }
    }

    [Test]
    public async Task Book_says_the_same_as_from_the_journal_at_any_instant()
    {
        var random = Seeds.New(out var seed);
        var exchange = new MiniExchange(random.Next(), steps: 900);
        using var rig = (await StoreRig.NewAsync(flavour)).Append(exchange.Script, Stretch);
        rig.Load();
        for (var round = 0; round < 60; round++)
        {
            var at = ExportFixture.Start + random.NextInt64(-Micros.PerMinute, (exchange.Script.At * Stretch) + Micros.PerMinute);
            var fromJournal = new BookAt($"M{random.Next(6)}", at);
            var fromStore = new BookAt(fromJournal.Ticker, at);
            BookJournalSource.Read(rig.Journal, fromJournal);
            BookStoreSource.Read(rig.Database, fromStore);
            Assert.That(Printed(fromStore), Is.EqualTo(Printed(fromJournal)), $"seed {seed}, {fromJournal.Ticker} at {at}");
            Assert.That(BookCommand.ToJson(fromStore), Is.EqualTo(BookCommand.ToJson(fromJournal)));
        }
    }

    [Test]
    public async Task Book_of_an_unknown_market_names_its_neighbours()
    {
        using var rig = (await StoreRig.NewAsync(flavour)).Append(new Script().SubscribeBooks().Snapshot(1, "KX-ALPHA").Snapshot(2, "KX-ALPINE").Snapshot(3, "ZZ"));
        rig.Load();
        var book = new BookAt("KX-ALPHO", ExportFixture.Start + 1_000);
        BookStoreSource.Read(rig.Database, book);
        Assert.That(BookCommand.NearMatches("KX-ALPHO", book.Tickers.Names), Is.EqualTo(" (did you mean KX-ALPHA or KX-ALPINE?)"));
    }

    [Test]
    public Task A_row_taken_away_is_noticed() => Touch("delete from kalshid.orderbook_deltas where (received_at) in (select received_at from kalshid.orderbook_deltas order by 1 offset 7 limit 1)", "rows for the numbers");

    [Test]
    public Task An_acknowledgement_taken_away_is_noticed() => Touch("delete from kalshid.other_frames where type = 'ok' and received_at = (select min(received_at) from kalshid.other_frames where type = 'ok')", "rows for the numbers");

    [Test]
    public Task A_row_twice_is_noticed() => Touch("insert into kalshid.orderbook_deltas select * from kalshid.orderbook_deltas order by received_at offset 5 limit 1", "two rows are of a frame");

    [Test]
    public Task A_row_behind_the_cursor_is_noticed() => Touch(
        "insert into kalshid.tickers (received_at, market_id) select position + interval '1 microsecond', 1 from kalshid.cursors where name = 'loader'", "behind the loader's cursor");

    [Test]
    public Task Epochs_that_say_something_else_are_noticed() => Touch(
        "update kalshid.epochs set deltas = deltas + 1, snapshots = snapshots - 1 where epoch_id = (select min(epoch_id) from kalshid.epochs where snapshots > 0 and end_reason is not null)", "its rows say");

    [Test]
    public Task An_epoch_without_its_line_is_noticed() => Touch("delete from kalshid.epochs where epoch_id = (select max(epoch_id) from kalshid.epochs where deltas > 0)", "is not in kalshid.epochs");

    [Test]
    public Task A_market_that_is_not_listed_is_noticed() => Touch("delete from kalshid.markets where ticker = 'M3'", "is not in kalshid.markets");

    [Test]
    public async Task A_database_without_a_store_an_older_and_a_newer_one_are_refused_with_what_to_do()
    {
        using var rig = await StoreRig.NewAsync(flavour);
        Assert.That(() => rig.Verify(), Throws.TypeOf<SetupException>().With.Message.Contains("holds no store"));
        await Migrations.Gatherer.ApplyAsync(rig.Database, "auto");
        Assert.That(rig.Verify().IsSound, "an empty store is sound");
        await rig.ExecuteAsync("insert into kalshid.migrations (version, name) values (999, 'later')");
        Assert.That(() => rig.Verify(), Throws.TypeOf<SetupException>().With.Message.Contains("use the newer kalshid"));
        await rig.ExecuteAsync("delete from kalshid.migrations where version > 1");
        Assert.That(() => rig.Verify(), Throws.TypeOf<SetupException>().With.Message.Contains("bring it up to date"));
    }

    [Test]
    public void A_database_that_does_not_answer_is_named()
    {
        using var database = new StoreDatabase("Host=127.0.0.1;Port=1;Username=nobody;Database=none", TimeSpan.FromSeconds(1));
        Assert.That(() => StoreSource.Read(database, new Audit(keepChanges: false)),
            Throws.TypeOf<SetupException>().With.Message.Contains("127.0.0.1:1/none").And.Property(nameof(SetupException.ExitCode)).EqualTo(ExitCode.Unavailable));
    }

    private async Task Touch(string sql, string finding)
    {
        using var rig = (await StoreRig.NewAsync(flavour)).Append(new MiniExchange(11, steps: 600).Script, Stretch);
        rig.Load();
        Assert.That(rig.Verify().IsSound, rig.Verify().ToString());
        await rig.ExecuteAsync(sql);
        var report = rig.Verify();
        Assert.That(report.IsSound, Is.False);
        Assert.That(report.Audit.Damages, Has.Some.Contains(finding), report.ToString());
    }

    private static string Printed(BookAt book)
    {
        var text = new StringWriter();
        BookCommand.Print(book, text);
        return text.ToString();
    }

    /// <summary>The report as JSON without its duration, gaps sorted: a journal tells those of one record in an order of its own.</summary>
    private static string Numbers(VerifyReport report)
    {
        report.Audit.Gaps.Sort((a, b) => (a.FromAt, a.ToAt, a.Channel, a.Ticker).CompareTo((b.FromAt, b.ToAt, b.Channel, b.Ticker)));
        return Duration().Replace(report.ToJson(), "") + Duration().Replace(report.ToString(), "");
    }

    [GeneratedRegex("""
        "seconds": [0-9.]+|\([0-9.]+ s\)
        """)]
    private static partial Regex Duration();
}
