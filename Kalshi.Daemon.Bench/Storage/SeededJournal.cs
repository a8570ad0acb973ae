using System.Text;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Simulation;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>What a gatherer would have journalled of a seeded exchange.</summary>
internal static class SeededJournal
{
    /// <summary>A seeded exchange whose markets are spread over eight sessions; a ninth has trades, tickers and lifecycle.</summary>
    public static void Fill(FrameJournal journal, int frames, int markets = 20_000, long rate = 20_000)
    {
        const int sessions = 8;
        const long startAt = 1_795_000_000_000_000;
        var settings = new SeededSettings(1, markets, 0, rate, long.MaxValue, frames, Micros.PerHour, 500, PinStamps: true);
        var exchange = new SimulatedExchange(new ExchangeSettings { Seed = 1, TickersPerCommandMax = 1_000_000 }) { Now = startAt };
        var source = new SeededSource(settings);
        source.Populate(exchange, startAt);
        for (var session = 1; session <= sessions; session++)
        {
            var opened = exchange.Open(new JournalWire(journal, exchange, session));
            var own = Enumerable.Range(0, exchange.Markets.Count).Where(i => i % sessions == session - 1).Select(i => $"\"{Encoding.UTF8.GetString(exchange.Markets[i].Ticker)}\"");
            exchange.Receive(opened, Encoding.UTF8.GetBytes($$"""{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":[{{string.Join(',', own)}}],"skip_ticker_ack":true,"use_yes_price":false} }"""));
        }

        var global = exchange.Open(new JournalWire(journal, exchange, sessions + 1));
        exchange.Receive(global, """{"id":1,"cmd":"subscribe","params":{"channels":["trade","ticker","market_lifecycle_v2"]}}"""u8.ToArray());
        var stream = new ExchangeStream(exchange, source);
        while (!stream.IsOver)
        {
            stream.Advance(long.MaxValue - 1, 10_000);
        }
    }

    /// <summary>A session's frames into the journal, received 8 ms after they were made, and later by a random part of a few ms.</summary>
    private sealed class JournalWire(FrameJournal journal, SimulatedExchange exchange, int session) : IWire
    {
        private readonly Random _random = new(session);

        public bool TrySend(ReadOnlySpan<byte> frame)
        {
            var delay = 8_000 - (long)(1_500 * Math.Log(1 - _random.NextDouble()));
            journal.Append(Math.Max(exchange.ExchangeAt, exchange.Now) + delay, session, frame);
            return true;
        }

        public void SendUrgent(ReadOnlySpan<byte> frame) => TrySend(frame);

        public void Disturb(in WireDisturbance disturbance)
        {
            // No faults here.
        }
    }
}
