using System.Globalization;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Bench.Pipeline;

/// <summary>
/// What merging the streams of three gatherers costs: tickers, 10,000 a second, of which each gatherer lacks one in a thousand, with a turn and its log every
/// 100 ms of them, and the same with trades.
/// <code>
///   gatherers A, B, C ─▶ StreamMerges ─▶ rows counted │ WriteChanges every turn, WriteAll at the end
/// </code>
/// The number of rows that come out is checked before a number is printed.
/// </summary>
internal static class StreamMergeBench
{
    private const int Gatherers = 3;
    private const int PerSecond = 10_000;
    private const int TurnRows = PerSecond / 10;

    /// <summary>Until the windows are full: of tickers by age, of trades by number.</summary>
    private const int WarmRows = 250 * PerSecond;
    private const int LossEvery = 1_000;

    /// <summary>Returns an exit code: 0, or 1 when rows are lost or doubled.</summary>
    public static int Run(int rows)
    {
        Console.WriteLine($"{rows:N0} rows at {PerSecond:N0}/s, told by {Gatherers} gatherers; turns of {TurnRows:N0}");
        Console.WriteLine($"{"",-10}{"M rows told/s",16}{"ns/row told",14}{"bytes allocated/row",21}{"log B/row",12}{"state MB",11}{"ms to write it",16}");
        return Measure("tickers", rows, Ticker) && Measure("trades", rows, Trade) ? 0 : 1;
    }

    private static bool Measure(string name, int rows, Action<IStreamInput, Message, int, int> tell)
    {
        var counter = new RowCounter();
        var merges = new StreamMerges(new MergeSettings(Gatherers, 5 * Micros.PerSecond, LagBudget: 0), counter, counter);
        var message = new Message();
        var log = new MemoryStream(1 << 22);
        using var writer = new StateWriter(log);
        var logged = Feed(merges, message, writer, 0, WarmRows, tell);

        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var start = Environment.CpuUsage.TotalTime;
        logged = Feed(merges, message, writer, WarmRows, WarmRows + rows, tell);
        var seconds = (Environment.CpuUsage.TotalTime - start).TotalSeconds;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        if (counter.Count != WarmRows + rows)
        {
            Console.Error.WriteLine($"{name}: {counter.Count:N0} rows came out, not {WarmRows + rows:N0}.");
            return false;
        }

        log.SetLength(0);
        start = Environment.CpuUsage.TotalTime;
        merges.WriteAll(writer);
        var stateSeconds = (Environment.CpuUsage.TotalTime - start).TotalSeconds;
        var told = (double)rows * Gatherers;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-10}{told / seconds / 1e6,16:F2}{seconds * 1e9 / told,14:F0}{allocated / told,21:F2}{logged / (double)rows,12:F1}{log.Length / 1e6,11:F1}{stateSeconds * 1e3,16:F1}"));
        return true;
    }

    /// <summary>Returns the bytes logged.</summary>
    private static long Feed(StreamMerges merges, Message message, StateWriter writer, int from, int to, Action<IStreamInput, Message, int, int> tell)
    {
        var logged = 0L;
        for (var first = from; first < to; first += TurnRows)
        {
            for (var row = first; row < first + TurnRows; row++)
            {
                for (var gatherer = 0; gatherer < Gatherers; gatherer++)
                {
                    if (row % LossEvery != gatherer)
                    {
                        tell(merges, message, gatherer, row);
                    }
                }
            }

            merges.OnTurn(TimeOf(first + TurnRows));
            writer.BaseStream.SetLength(0);
            merges.WriteChanges(writer);
            logged += writer.BaseStream.Length;
        }

        return logged;
    }

    private static long TimeOf(int row) => (1_790_000_000 * Micros.PerSecond) + (row * (Micros.PerSecond / PerSecond));

    private static void Ticker(IStreamInput input, Message message, int gatherer, int row)
    {
        message.Type = FrameType.Ticker;
        message.ExchangeAt = TimeOf(row);
        message.Volume = row;
        message.LastPrice = row % 99 * 10_000;
        input.OnTicker(gatherer, (row % 5_000) + 1, message.ExchangeAt + gatherer, message);
    }

    private static void Trade(IStreamInput input, Message message, int gatherer, int row)
    {
        Span<byte> id = stackalloc byte[36];
        id.Fill((byte)'0');
        row.TryFormat(id, out _, "D12", CultureInfo.InvariantCulture);
        message.Type = FrameType.Trade;
        message.ExchangeAt = TimeOf(row);
        message._tradeId.Set(id);
        input.OnTrade(gatherer, (row % 5_000) + 1, message.ExchangeAt + gatherer, message, isBackfilled: false);
    }

    /// <summary>Counts what comes out; nothing is ever told so late that it must be recalled.</summary>
    internal sealed class RowCounter : IStreamOutput, IStreamRecall
    {
        public long Count { get; private set; }

        public void OnTrade(int market, long exchangeAt, long receivedAt, Message trade, bool isBackfilled) => Count++;

        public void OnTicker(int market, long exchangeAt, long receivedAt, Message ticker) => Count++;

        public void OnLifecycle(int market, long receivedAt, Message message, ReadOnlySpan<byte> payload) => Count++;

        public void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame) => Count++;

        public void OnObject(
            ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin, bool isNewest) => Count++;

        public void OnChannelCoverage(in ChannelCoverage coverage) => Count++;

        public void RecallTrades(long fromAt, long toAt, IStreamOutput into) => throw Late();

        public void RecallTickers(long fromAt, long toAt, IStreamOutput into) => throw Late();

        public void RecallLifecycle(long fromAt, long toAt, IStreamOutput into) => throw Late();

        public void RecallObject(ObjectKind kind, int market, ReadOnlySpan<byte> ticker, IStreamOutput into) => throw Late();

        private static InvalidOperationException Late() => new("A row that is on time was recalled.");
    }
}
