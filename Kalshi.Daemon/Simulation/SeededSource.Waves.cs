using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// What happens at set times. A wave's markets are created a quarter of an interval before they open; they open when the
/// wave before closes. After the close: the book is cleared by an empty snapshot, the market determined, then settled.
/// </summary>
internal sealed partial class SeededSource
{
    private void Carry(SimulatedExchange exchange, Timed timed, long offset)
    {
        var at = _startAt + offset;
        var before = exchange.Counters.Produced;
        switch (timed.Kind)
        {
            case TimedKind.CreateWave: CreateWave(exchange, timed.Wave, at); break;
            case TimedKind.OpenWave: OpenWave(exchange, timed.Wave, offset); break;
            case TimedKind.CloseWave: CloseWave(exchange, timed.Wave, offset); break;
            case TimedKind.ClearWave: ForWave(exchange, timed.Wave, market => exchange.ClearBook(market, at)); break;
            case TimedKind.DetermineWave: ForWave(exchange, timed.Wave, market => Determine(exchange, market, at)); break;
            case TimedKind.SettleWave: SettleWave(exchange, timed.Wave, at); break;
            case TimedKind.Pause when _openCount > 0: Pause(exchange, offset); break;
            case TimedKind.Resume: Resume(exchange, exchange.Markets[timed.Market], at); break;
            case TimedKind.News when _openCount > 0: News(exchange, offset); break;
            default: break;
        }

        _produced += exchange.Counters.Produced - before;
    }

    private void AddWave(SimulatedExchange exchange, int wave, MarketStatus status)
    {
        var first = exchange.Markets.Count;
        var openAt = _startAt + (wave * _settings.WaveMicros);
        var series = exchange.Markets.Series[wave % exchange.Markets.Series.Count];
        SimulatedEvent? parent = null;
        for (var i = 0; i < Math.Min(_settings.WaveMarkets, _settings.Markets); i++)
        {
            if (i % MarketsPerEvent == 0)
            {
                parent = AddEvent(exchange, series, $"{series.Ticker}15M-26NOV23W{wave:D4}{i / MarketsPerEvent:D4}", $"Wave {wave}: up in the next interval?",
                    openAt - (_settings.WaveMicros / 4), openAt, openAt + _settings.WaveMicros);
            }

            if (Add(exchange, parent!, $"{parent!.Ticker}-{i % MarketsPerEvent:D2}", status) is null)
            {
                break;
            }
        }

        _waves[wave] = (first, exchange.Markets.Count - first);
        if (wave == 0)
        {
            SetClosing(0, _settings.WaveMicros);
        }
    }

    private void SetClosing(int wave, long closingAt)
    {
        _closing.Clear();
        _closing.AddRange(Enumerable.Range(_waves[wave].First, _waves[wave].Count));
        _closingAt = closingAt;
    }

    private void ForWave(SimulatedExchange exchange, int wave, Action<SimulatedMarket> act)
    {
        var (first, count) = _waves[wave];
        for (var i = first; i < first + count; i++)
        {
            act(exchange.Markets[i]);
        }
    }

    private void CreateWave(SimulatedExchange exchange, int wave, long at)
    {
        AddWave(exchange, wave, MarketStatus.Initialized);
        SimulatedEvent? parent = null;
        ForWave(exchange, wave, market =>
        {
            if (market.Event != parent)
            {
                parent = market.Event;
                _text.Clear().Raw("{\"event_ticker\":"u8).Text(parent.Ticker).Raw(",\"exchange_index\":0,\"title\":"u8).Text(parent.Title)
                    .Raw(",\"subtitle\":\"\",\"collateral_return_type\":\"MECNET\",\"series_ticker\":"u8).Text(parent.Series.Ticker).Raw("}"u8);
                exchange.EventLifecycle(parent, "event_lifecycle"u8, _text, at);
            }

            FrameEncoder.Created(_text.Clear(), market);
            exchange.MarketLifecycle(market, "created"u8, _text, at);
        });
    }

    /// <summary>Nothing is sent for initialized → active; the strike arrives as metadata. New markets take the ranks of the closed.</summary>
    private void OpenWave(SimulatedExchange exchange, int wave, long offset)
    {
        var at = _startAt + offset;
        SetClosing(wave, offset + _settings.WaveMicros);
        Grow(exchange.Markets.Count);
        ForWave(exchange, wave, market =>
        {
            // The book is made while the market is unopened, empty as subscribers have seen it: all that comes is deltas.
            exchange.BookOf(market);
            market.Status = MarketStatus.Active;
            _slotOf[market.Index] = _openCount;
            _open[_openCount++] = market.Index;
            SwapRank(market.Index, _random.Below(_openCount));
            _text.Clear().Raw("{\"event_type\":\"metadata_updated\",\"market_ticker\":"u8).Quoted(market.Ticker)
                .Raw(",\"strike_type\":\"greater_or_equal\",\"floor_strike\":"u8).Integer(4_000 + market.Index).Raw(",\"yes_sub_title\":\"Target Price: $"u8)
                .Integer(4_000 + market.Index).Raw("\"}"u8);
            exchange.MarketLifecycle(market, "metadata_updated"u8, _text, at);
        });
        At(offset + (_settings.WaveMicros * 3 / 4), new Timed(TimedKind.CreateWave, wave + 1));
        At(offset + _settings.WaveMicros, new Timed(TimedKind.CloseWave, wave));
        At(offset + _settings.WaveMicros, new Timed(TimedKind.OpenWave, wave + 1));
    }

    /// <summary>Active → closed says nothing either; resting orders at the top are withdrawn with deltas stamped at the close.</summary>
    private void CloseWave(SimulatedExchange exchange, int wave, long offset)
    {
        var at = _startAt + offset;
        ForWave(exchange, wave, market =>
        {
            var book = exchange.BookOf(market);
            for (var i = 0; i < 3 && book.Yes.Length > 0; i++)
            {
                exchange.Delta(market, Side.Yes, book.BestYes.Price, -book.BestYes.Quantity, at);
            }

            market.Status = MarketStatus.Closed;
            SwapRank(market.Index, _openCount - 1);
            _openCount--;
        });
        At(offset + Math.Min(650_000, _settings.WaveMicros / 20), new Timed(TimedKind.ClearWave, wave));
        At(offset + Math.Min(3 * Micros.PerSecond, _settings.WaveMicros / 10), new Timed(TimedKind.DetermineWave, wave));
        At(offset + Math.Min(5 * Micros.PerSecond, _settings.WaveMicros / 5), new Timed(TimedKind.SettleWave, wave));
    }

    private void Determine(SimulatedExchange exchange, SimulatedMarket market, long at)
    {
        market.Status = MarketStatus.Determined;
        market.DeterminedAt = at;
        _text.Clear().Raw("{\"market_ticker\":"u8).Quoted(market.Ticker).Raw(",\"determination_ts\":"u8).Integer(at / Micros.PerSecond)
            .Raw(market.ResultYes ? ",\"result\":\"yes\",\"settlement_value\":\"1.0000\""u8 : ",\"result\":\"no\",\"settlement_value\":\"0.0000\""u8)
            .Raw(",\"event_type\":\"determined\"}"u8);
        exchange.MarketLifecycle(market, "determined"u8, _text, at);
    }

    private void SettleWave(SimulatedExchange exchange, int wave, long at)
    {
        ForWave(exchange, wave, market =>
        {
            market.Status = MarketStatus.Finalized;
            market.SettledAt = at;
            _text.Clear().Raw("{\"market_ticker\":"u8).Quoted(market.Ticker).Raw(",\"settled_ts\":"u8).Integer(at / Micros.PerSecond)
                .Raw(",\"event_type\":\"settled\"}"u8);
            exchange.MarketLifecycle(market, "settled"u8, _text, at);
        });
        _waves.Remove(wave);
    }

    private void Pause(SimulatedExchange exchange, long offset)
    {
        var market = exchange.Markets[_open[_random.Below(_openCount)]];
        if (market.Status == MarketStatus.Active)
        {
            market.Status = MarketStatus.Inactive;
            Switched(exchange, market, "deactivated"u8, _startAt + offset);
            At(offset + (_settings.WaveMicros / 30), new Timed(TimedKind.Resume, 0, market.Index));
        }

        At(offset + (_settings.WaveMicros / 7), new Timed(TimedKind.Pause, 0));
    }

    private void Resume(SimulatedExchange exchange, SimulatedMarket market, long at)
    {
        if (market.Status == MarketStatus.Inactive)
        {
            market.Status = MarketStatus.Active;
            Switched(exchange, market, "activated"u8, at);
        }
    }

    private void Switched(SimulatedExchange exchange, SimulatedMarket market, ReadOnlySpan<byte> eventType, long at)
    {
        _text.Clear().Raw("{\"market_ticker\":"u8).Quoted(market.Ticker)
            .Raw(eventType[0] == 'd' ? ",\"is_deactivated\":true"u8 : ",\"is_deactivated\":false"u8).Raw(",\"event_type\":"u8).Quoted(eventType).Raw("}"u8);
        exchange.MarketLifecycle(market, eventType, _text, at);
    }

    /// <summary>The rarer frames: a later close, a finer grid, a fee override, a new combo.</summary>
    private void News(SimulatedExchange exchange, long offset)
    {
        var at = _startAt + offset;
        var market = exchange.Markets[_open[_random.Below(_openCount)]];
        switch (_random.Below(4))
        {
            case 0:
                _text.Clear().Raw("{\"market_ticker\":"u8).Quoted(market.Ticker).Raw(",\"close_ts\":"u8).Integer(market.Event.CloseAt / Micros.PerSecond)
                    .Raw(",\"event_type\":\"close_date_updated\"}"u8);
                exchange.MarketLifecycle(market, "close_date_updated"u8, _text, at);
                break;
            case 1:
                // Levels stay where they are: the book is made on the old grid before the new one holds.
                exchange.BookOf(market);
                market.Tick = 1_000;
                _text.Clear().Raw("{\"market_ticker\":"u8).Quoted(market.Ticker)
                    .Raw(",\"event_type\":\"price_level_structure_updated\",\"price_level_structure\":\"deci_cent\",\"price_ranges\":"u8);
                FrameEncoder.PriceRanges(_text, market).Raw("}"u8);
                exchange.MarketLifecycle(market, "price_level_structure_updated"u8, _text, at);
                break;
            case 2:
                _text.Clear().Raw("{\"event_ticker\":"u8).Text(market.Event.Ticker).Raw(",\"fee_type_override\":\"quadratic\",\"fee_multiplier_override\":1}"u8);
                exchange.EventLifecycle(market.Event, "event_fee_update"u8, _text, at);
                break;
            default:
                NewCombo(exchange, at);
                break;
        }

        At(offset + (_settings.WaveMicros / 5), new Timed(TimedKind.News, 0));
    }

    private void NewCombo(SimulatedExchange exchange, long at)
    {
        if (_combos.Count == 0)
        {
            return;
        }

        var parent = AddEvent(exchange, ComboSeries(exchange), $"KXMVESPORTSMULTIGAME-S2026{_random.Next():X12}", "Simulated combo", at, at, at + Micros.PerDay);
        parent.IsCombo = true;
        if (Add(exchange, parent, $"{parent.Ticker}-{_random.Next():X8}", MarketStatus.Active) is { } market)
        {
            _combos.Add(market.Index);
            FrameEncoder.Created(_text.Clear(), market);
            exchange.MarketLifecycle(market, "created"u8, _text, at);
        }
    }

    private void Grow(int markets)
    {
        if (_open.Length < markets)
        {
            Array.Resize(ref _open, markets + (markets / 4));
            Array.Resize(ref _slotOf, _open.Length);
        }
    }

    private void SwapRank(int market, int rank)
    {
        var from = _slotOf[market];
        var other = _open[rank];
        (_open[from], _open[rank]) = (other, market);
        (_slotOf[other], _slotOf[market]) = (from, rank);
    }
}
