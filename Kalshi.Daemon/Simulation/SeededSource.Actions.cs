using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Simulation;

/// <summary>What traders do to one market at one instant.</summary>
internal sealed partial class SeededSource
{
    private void Act(SimulatedExchange exchange, SimulatedMarket market, long at)
    {
        var book = exchange.BookOf(market);
        var kind = _random.Below(2_000);
        var top = (book.BestYes.Price, book.YesAsk);
        if (kind == 0)
        {
            Duplicate(exchange, market, book, at);
        }
        else if (kind < 110)
        {
            TradeAgainst(exchange, market, book, at);
        }
        else if (kind < 620)
        {
            Move(exchange, market, book, at);
        }
        else
        {
            ChangeOne(exchange, market, book, at);
        }

        // Tickers coalesce: not every change of the top is said.
        if ((book.BestYes.Price, book.YesAsk) != top && _random.Chance(0.35))
        {
            exchange.Ticker(market, at);
        }
    }

    private void ChangeOne(SimulatedExchange exchange, SimulatedMarket market, SimulatedBook book, long at)
    {
        var side = (_random.Next() & 1) == 0 ? Side.Yes : Side.No;
        var levels = book.Of(side);
        if (levels.Length < 4 || (levels.Length < 40 && _random.Chance(0.55)))
        {
            exchange.Delta(market, side, PriceToAdd(market, book, side), RandomQuantity(), at);
            return;
        }

        var level = NearTop(levels);
        var part = _random.Chance(0.5) || level.Quantity < 2 ? level.Quantity : 1 + (long)(_random.Fraction() * (level.Quantity - 1));
        exchange.Delta(market, side, level.Price, -part, at);
    }

    /// <summary>An order that moves: two changes at one instant.</summary>
    private void Move(SimulatedExchange exchange, SimulatedMarket market, SimulatedBook book, long at)
    {
        var side = (_random.Next() & 1) == 0 ? Side.Yes : Side.No;
        var levels = book.Of(side);
        if (levels.Length == 0)
        {
            ChangeOne(exchange, market, book, at);
            return;
        }

        var level = NearTop(levels);
        var quantity = Math.Min(level.Quantity, RandomQuantity());
        exchange.Delta(market, side, level.Price, -quantity, at);
        exchange.Delta(market, side, PriceToAdd(market, book, side), quantity, at);
    }

    /// <summary>Two changes alike in every field: a set of deltas would lose one.</summary>
    private void Duplicate(SimulatedExchange exchange, SimulatedMarket market, SimulatedBook book, long at)
    {
        var side = (_random.Next() & 1) == 0 ? Side.Yes : Side.No;
        var price = PriceToAdd(market, book, side);
        var quantity = RandomQuantity();
        exchange.Delta(market, side, price, quantity, at);
        exchange.Delta(market, side, price, quantity, at);
    }

    /// <summary>A taker takes from the best levels of the other side: its deltas first, then its trades, all at one instant.</summary>
    private void TradeAgainst(SimulatedExchange exchange, SimulatedMarket market, SimulatedBook book, long at)
    {
        var takerYes = (_random.Next() & 1) == 0;
        var resting = takerYes ? Side.No : Side.Yes;
        var wanted = RandomQuantity();
        Span<Level> fills = stackalloc Level[3];
        var count = 0;
        while (wanted > 0 && count < fills.Length && book.Of(resting).Length > 0)
        {
            var best = book.Of(resting)[^1];
            var taken = Math.Min(wanted, best.Quantity);
            exchange.Delta(market, resting, best.Price, -taken, at);
            fills[count++] = new Level(best.Price, taken);
            wanted -= taken;
        }

        foreach (var fill in fills[..count])
        {
            var yesPrice = takerYes ? SimulatedBook.Dollar - fill.Price : fill.Price;
            var id = SeededRandom.Uuid(_settings.Seed, 2, (ulong)exchange.Trades.Count);
            exchange.Trade(market, new SimulatedTrade(market.Index, at, id, yesPrice, fill.Quantity, takerYes, _random.Below(200) == 0));
        }

        if (count == 0)
        {
            ChangeOne(exchange, market, book, at);
        }
    }

    private Level NearTop(ReadOnlySpan<Level> levels)
    {
        var fromTop = Math.Min(levels.Length - 1, (int)(-Math.Log(1 - _random.Fraction()) * 3));
        return levels[levels.Length - 1 - fromTop];
    }

    /// <summary>Near the best price of the side, on the grid, and never crossing the other side.</summary>
    private int PriceToAdd(SimulatedMarket market, SimulatedBook book, Side side)
    {
        var tick = market.Tick;
        var opposite = side == Side.Yes ? book.BestNo.Price : book.BestYes.Price;
        var own = side == Side.Yes ? book.BestYes.Price : book.BestNo.Price;
        var highest = Math.Min(SimulatedBook.Dollar - opposite - tick, SimulatedBook.Dollar - (2 * tick)) / tick * tick;
        var near = own == 0 ? Math.Min(highest, SimulatedBook.Dollar / 2) : own;
        var price = near + ((1 - (int)(-Math.Log(1 - _random.Fraction()) * 4)) * tick);
        return Math.Clamp(price / tick * tick, tick, Math.Max(tick, highest));
    }

    /// <summary>Hundredths of a contract: round lots, single contracts and fractions, as on the wire.</summary>
    private long RandomQuantity() => _random.Below(10) switch
    {
        < 4 => 100L * (1 + _random.Below(20)),
        < 7 => 1_000L * (1 + _random.Below(50)),
        < 8 => 10_000L * (1 + _random.Below(100)),
        _ => 1 + _random.Below(30_000),
    };
}
