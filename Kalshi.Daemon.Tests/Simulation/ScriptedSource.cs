using System.Text;
using Kalshi.Daemon.Simulation;

namespace Kalshi.Daemon.Tests.Simulation;

/// <summary>An exchange of M0, M1, … on which nothing happens by itself: the test says what happens, on the exchange's thread.</summary>
internal sealed class ScriptedSource(int markets) : IEventSource
{
    private readonly SimulatedSeries _series = new("S", "Scripted", "Tests");

    public long NextAt => long.MaxValue;

    public void Populate(SimulatedExchange exchange, long startAt)
    {
        exchange.ExchangeAt = startAt;
        exchange.Markets.Series.Add(_series);
        for (var i = 0; i < markets; i++)
        {
            Add(exchange, $"M{i}", startAt);
        }
    }

    public SimulatedMarket Add(SimulatedExchange exchange, string ticker, long at)
    {
        var parent = new SimulatedEvent
        {
            Ticker = $"E-{ticker}",
            Series = _series,
            Title = ticker,
            FirstMarket = exchange.Markets.Count,
            MarketCount = 1,
            CreatedAt = at,
            OpenAt = at,
            CloseAt = at + Kalshi.Daemon.Primitives.Micros.PerHour,
        };
        exchange.Markets.Events.Add(parent);
        var market = new SimulatedMarket
        {
            Index = exchange.Markets.Count,
            Ticker = Encoding.UTF8.GetBytes(ticker),
            Event = parent,
            Id = Guid.NewGuid(),
            Tick = 10_000,
            Status = MarketStatus.Active,
        };
        exchange.Markets.TryAdd(market);
        return market;
    }

    public void Begin(SimulatedExchange exchange, long now)
    {
        // Nothing is due.
    }

    public void Step(SimulatedExchange exchange) => throw new InvalidOperationException("Nothing is due.");

    public bool IsWatched(SimulatedExchange exchange) => true;

    public void Burst(double factor, long until)
    {
        // Nothing to multiply.
    }
}
