namespace Kalshi.Daemon.Simulation;

/// <summary>
/// A source and its faults, in the order of their times: what drives an exchange, with or without sockets. Deterministic:
/// the same steps for the same source and faults, however they are cut into calls. Thread: the exchange's.
/// </summary>
internal sealed class ExchangeStream(SimulatedExchange exchange, IEventSource source)
{
    public SimulatedExchange Exchange => exchange;

    public IEventSource Source => source;

    public bool IsOver => source.NextAt == long.MaxValue;

    /// <summary>Does all that is due up to the offset (µs since the start), at most `stepsMax` events; returns how many.</summary>
    public int Advance(long until, int stepsMax)
    {
        var steps = 0;
        var faults = exchange.Faults;
        while (steps < stepsMax && source.NextAt <= until)
        {
            faults.Offset = source.NextAt;
            if (faults.NextAt <= source.NextAt)
            {
                faults.Advance(source.NextAt, exchange, source);
            }

            source.Step(exchange);
            steps++;
        }

        if (steps < stepsMax && until < long.MaxValue - 1 && !IsOver)
        {
            faults.Offset = until;
            if (faults.NextAt <= until)
            {
                faults.Advance(until, exchange, source);
            }
        }

        return steps;
    }
}
