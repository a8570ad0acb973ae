using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Simulation;
using Kalshi.Daemon.Tests.Store;
using NUnit.Framework;
using Sql = Kalshi.Daemon.Tests.Store.Sql;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Production fails while it tells the merge its own rows again: the merge waits and asks again, nothing is written meanwhile, and nothing is missing afterwards.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class RecallFaultTest
{
    private PostgresServer _server = null!;
    private LoaderRig _rig = null!;
    private string _gatherer = "";
    private string _production = "";
    private string _before = "";

    [SetUp]
    public async Task SetUp()
    {
        _server = PostgresServer.New(durable: true);
        _production = await _server.CreateDatabaseAsync();
        _gatherer = await StoreServers.Postgres.CreateDatabaseAsync();
        _rig = new LoaderRig(Seeds.New(out _)).Append(1_500);
        _rig.Load(_gatherer);
        using (var merge = new MergeRun(_production, _gatherer))
        {
            await merge.MergesToAsync(_rig.End);
        }

        _before = await ContentsAsync();
    }

    [TearDown]
    public void TearDown()
    {
        _rig?.Dispose();
        _server?.Dispose();
    }

    [Test]
    public async Task A_server_that_is_killed_while_its_rows_are_told_again_is_waited_for()
    {
        await using var holder = await HoldAsync();
        using var merge = new MergeRun(_production, _gatherer, timeout: "1s");
        await merge.WaitsForLockAsync();
        var before = merge.Counters.Failures;
        _server.Kill();
        await Eventually.BecomesTrue(() => merge.Counters.Failures > before, 30_000);
        _server.Start();
        await EndAsync(merge);
    }

    [Test]
    public async Task A_server_that_does_not_answer_meanwhile_is_asked_again()
    {
        var holder = await HoldAsync();
        using var merge = new MergeRun(_production, _gatherer, timeout: "1s");
        await Eventually.BecomesTrue(() => merge.Counters.State.Contains("dedup.timeout", StringComparison.Ordinal), 30_000);
        await holder.DisposeAsync();
        await EndAsync(merge);
    }

    [Test]
    public async Task A_stop_meanwhile_is_not_waited_for()
    {
        await using var holder = await HoldAsync();
        using (var merge = new MergeRun(_production, _gatherer, timeout: "1s"))
        {
            await merge.WaitsForLockAsync();
        }
    }

    [Test]
    public async Task Memory_of_another_version_is_refused_in_words()
    {
        var table = await Sql.ScalarAsync(_production, "SELECT 1 FROM kalshid.merge_state") is null ? "merge_log" : "merge_state";
        var packed = (byte[])(await Sql.ScalarAsync(_production, $"SELECT bytes FROM kalshid.{table} ORDER BY turn LIMIT 1"))!;
        using var state = new MemoryStream();
        using (var open = new PackedState([packed]).Open())
        {
            open.CopyTo(state);
        }

        state.GetBuffer()[0] = 99; // the version of its first part
        await Sql.ExecuteAsync(
            _production, $"UPDATE kalshid.{table} SET bytes = '\\x{Convert.ToHexString(PackedState.Pack(state.WriteTo).ToArray())}' WHERE turn = (SELECT min(turn) FROM kalshid.{table})");
        using var merge = new MergeRun(_production, _gatherer, timeout: "1s");
        Assert.That(async () => await merge.Running.WaitAsync(TimeSpan.FromMinutes(1)), Throws.TypeOf<SetupException>()
            .With.Message.Contains("Production cannot be continued").And.Message.Contains("version 99").And.Message.Contains("backup"));
    }

    /// <summary>Recent changes are told again when production is opened: whoever asks for them waits until the returned connection is closed.</summary>
    private Task<Npgsql.NpgsqlConnection> HoldAsync() => Sql.HoldAsync(_production, "LOCK TABLE kalshid.orderbook_deltas");

    /// <summary>It changed nothing, and goes on with what is new.</summary>
    private async Task EndAsync(MergeRun merge)
    {
        await Eventually.BecomesTrue(() => merge.IsMerging, 60_000);
        Assert.That(await ContentsAsync(), Is.EqualTo(_before));
        _rig.Append(500).Finish();
        _rig.Load(_gatherer);
        await merge.MergesToAsync(_rig.End);
    }

    private async Task<string> ContentsAsync()
    {
        var contents = new List<string>();
        foreach (var (table, order) in ((string, string)[])[
            ("orderbook_deltas", "market_id, exchange_at, ordinal"), ("orderbook_snapshots", "market_id, received_at"), ("trades", "trade_id"), ("tickers", "received_at, market_id"),
            ("lifecycle_events", "received_at"), ("vouches", "market_id, number"), ("coverage", "market_id, number")])
        {
            contents.Add($"{table}: {await Sql.ScalarAsync(_production, $"SELECT count(*) || ' ' || coalesce(md5(string_agg(r::text, ',' ORDER BY {order})), '') FROM kalshid.{table} r")}");
        }

        return string.Join('\n', contents);
    }
}
