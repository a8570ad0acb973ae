using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>The universe of markets and its life: the first population, waves, closes, settlements, pauses.</summary>
internal sealed partial class SeededSource
{
    private const int MarketsPerEvent = 10;

    private static readonly (string Name, string Category)[] SeriesNames =
    [
        ("KXHIGHNY", "Climate and Weather"), ("KXBTCD", "Crypto"), ("KXETHD", "Crypto"), ("KXNFLGAME", "Sports"), ("KXNBAGAME", "Sports"),
        ("KXMLBTOTAL", "Sports"), ("KXGOLDH", "Commodities"), ("KXFEDMENTION", "Mentions"), ("KXINXD", "Financials"), ("KXNEXTTEAMNBA", "Sports"),
        ("KXCPI", "Economics"), ("KXWTAMATCH", "Sports"), ("KXTECHLAYOFF", "Companies"), ("KXIPL", "Sports"), ("KXHIGHCHI", "Climate and Weather"),
    ];

    private readonly List<int> _closing = [];
    private readonly Dictionary<int, (int First, int Count)> _waves = [];
    private long _closingAt;

    public void Populate(SimulatedExchange exchange, long startAt)
    {
        _startAt = startAt;
        exchange.ExchangeAt = startAt;
        exchange.BuildInitialBook = BuildBook;
        var settled = Math.Clamp(_settings.Markets / 100, 1, 500);
        exchange.Markets.Reserve(_settings.Markets + _settings.Combos + settled + (_settings.WaveMarkets * 4));
        AddSeries(exchange);
        AddWave(exchange, 0, MarketStatus.Active);
        AddBase(exchange, _settings.Markets - Math.Min(_settings.WaveMarkets, _settings.Markets), MarketStatus.Active);
        AddBase(exchange, settled, MarketStatus.Finalized);
        AddCombos(exchange);
        OpenAll(exchange);
        var wave = _settings.WaveMicros;
        At(wave * 3 / 4, new Timed(TimedKind.CreateWave, 1));
        At(wave, new Timed(TimedKind.CloseWave, 0));
        At(wave, new Timed(TimedKind.OpenWave, 1));
        At(wave / 7, new Timed(TimedKind.Pause, 0));
        At(wave / 5, new Timed(TimedKind.News, 0));
        FindNextMessage();
    }

    private void AddSeries(SimulatedExchange exchange)
    {
        var count = Math.Clamp(_settings.Markets / 400, SeriesNames.Length, 5_000);
        for (var i = 0; i < count; i++)
        {
            var (name, category) = SeriesNames[i % SeriesNames.Length];
            var number = i / SeriesNames.Length;
            exchange.Markets.Series.Add(new SimulatedSeries(number == 0 ? name : $"{name}{number}", $"Simulated series {i}", category));
        }
    }

    private void AddBase(SimulatedExchange exchange, int count, MarketStatus status)
    {
        SimulatedEvent? parent = null;
        for (var i = 0; i < count; i++)
        {
            if (i % MarketsPerEvent == 0)
            {
                parent = AddBaseEvent(exchange, status == MarketStatus.Finalized);
            }

            Add(exchange, parent!, $"{parent!.Ticker}-T{(60_499.99 + (i % MarketsPerEvent * 250)).ToString("F2", null)}", status);
        }
    }

    private SimulatedEvent AddBaseEvent(SimulatedExchange exchange, bool isOver)
    {
        var ordinal = exchange.Markets.Events.Count;
        var random = new SeededRandom(SeededRandom.Mix(_settings.Seed ^ 0xE7, (ulong)ordinal));
        var series = exchange.Markets.Series[random.Below(exchange.Markets.Series.Count)];
        var days = 1 + random.Below(60);
        return AddEvent(exchange, series, $"{series.Ticker}-26DEC31E{ordinal:D6}", $"Simulated event {ordinal} — will it be?",
            createdAt: _startAt - ((2 + random.Below(30)) * Micros.PerDay),
            openAt: _startAt - Micros.PerDay,
            closeAt: isOver ? _startAt - Micros.PerHour : _startAt + (days * Micros.PerDay));
    }

    private void AddCombos(SimulatedExchange exchange)
    {
        SimulatedEvent? parent = null;
        for (var i = 0; i < _settings.Combos; i++)
        {
            if (i % MarketsPerEvent == 0)
            {
                var hash = SeededRandom.Mix(_settings.Seed ^ 0xC0B0, (ulong)i);
                parent = AddEvent(exchange, ComboSeries(exchange), $"KXMVESPORTSMULTIGAME-S2026{hash:X12}", "Simulated combo",
                    _startAt - Micros.PerHour, _startAt - Micros.PerHour, _startAt + Micros.PerDay);
                parent.IsCombo = true;
            }

            if (Add(exchange, parent!, $"{parent!.Ticker}-{SeededRandom.Mix(_settings.Seed, (ulong)i):X8}", MarketStatus.Active) is { } market)
            {
                _combos.Add(market.Index);
            }
        }
    }

    private static SimulatedSeries ComboSeries(SimulatedExchange exchange)
    {
        const string name = "KXMVESPORTSMULTIGAME";
        var series = exchange.Markets.Series.Find(series => series.Ticker == name);
        if (series is null)
        {
            exchange.Markets.Series.Add(series = new SimulatedSeries(name, "Combos", "Exotics"));
        }

        return series;
    }

    private static SimulatedEvent AddEvent(
        SimulatedExchange exchange, SimulatedSeries series, string ticker, string title, long createdAt, long openAt, long closeAt)
    {
        var added = new SimulatedEvent
        {
            Ticker = ticker,
            Series = series,
            Title = title,
            FirstMarket = exchange.Markets.Count,
            CreatedAt = createdAt,
            OpenAt = openAt,
            CloseAt = closeAt,
        };
        exchange.Markets.Events.Add(added);
        return added;
    }

    private SimulatedMarket? Add(SimulatedExchange exchange, SimulatedEvent parent, string ticker, MarketStatus status)
    {
        var index = exchange.Markets.Count;
        var grid = SeededRandom.Mix(_settings.Seed ^ 0x71C4, (ulong)index) % 20;
        var market = new SimulatedMarket
        {
            Index = index,
            Ticker = Encoding.UTF8.GetBytes(ticker),
            Event = parent,
            Id = SeededRandom.Uuid(_settings.Seed, 1, (ulong)index),
            Tick = parent.IsCombo ? 100 : grid switch { < 16 => 10_000, < 19 => 1_000, _ => 100 },
            Status = status,
            ResultYes = (grid & 1) == 0,
        };
        if (!exchange.Markets.TryAdd(market))
        {
            return null;
        }

        parent.MarketCount++;
        return market;
    }

    /// <summary>Ranks of activity: a seeded shuffle of all open markets.</summary>
    private void OpenAll(SimulatedExchange exchange)
    {
        _open = new int[exchange.Markets.Count];
        for (var i = 0; i < exchange.Markets.Count; i++)
        {
            if (exchange.Markets[i] is { Status: MarketStatus.Active, Event.IsCombo: false })
            {
                _open[_openCount++] = i;
            }
        }

        var random = new SeededRandom(SeededRandom.Mix(_settings.Seed, 9));
        for (var i = _openCount - 1; i > 0; i--)
        {
            var other = random.Below(i + 1);
            (_open[i], _open[other]) = (_open[other], _open[i]);
        }

        _slotOf = new int[exchange.Markets.Count];
        for (var i = 0; i < _openCount; i++)
        {
            _slotOf[_open[i]] = i;
        }
    }

    /// <summary>What a book looks like before its market first moves: the same at every call.</summary>
    private void BuildBook(SimulatedMarket market, SimulatedBook book)
    {
        if (market.Status is not (MarketStatus.Active or MarketStatus.Inactive))
        {
            return;
        }

        var random = new SeededRandom(SeededRandom.Mix(_settings.Seed ^ 0xB00C, (ulong)market.Index));
        if (market.Index == 0 && _settings.HugeLevels > 0)
        {
            BuildHugeBook(book, ref random);
            return;
        }

        var middle = 50_000 + random.Below(900_000);
        BuildSide(market, book, Side.Yes, middle, ref random);
        BuildSide(market, book, Side.No, SimulatedBook.Dollar - middle, ref random);
    }

    private static void BuildSide(SimulatedMarket market, SimulatedBook book, Side side, int below, ref SeededRandom random)
    {
        var tick = market.Tick;
        var levels = random.Below(24);
        var highest = (below / tick) - 1;
        var step = 1 + random.Below(2);
        for (var i = levels; i > 0; i--)
        {
            var price = (highest - (i * step)) * tick;
            if (price >= tick)
            {
                book.Append(side, new Level(price, random.Below(4) == 0 ? 1 + random.Below(50_000) : 100L * (1 + random.Below(500))));
            }
        }
    }

    /// <summary>One level a micro-dollar, as far below the middle as asked.</summary>
    private void BuildHugeBook(SimulatedBook book, ref SeededRandom random)
    {
        var count = Math.Min(_settings.HugeLevels, 490_000);
        for (var i = 0; i < count; i++)
        {
            book.Append(Side.Yes, new Level(490_000 - count + i + 1, 100 + random.Below(1_000_000)));
            book.Append(Side.No, new Level(490_000 - count + i + 1, 100 + random.Below(1_000_000)));
        }
    }
}
