namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>One direction of a relay's connections.</summary>
public sealed class RelayWay
{
    private readonly Lock _gate = new();
    private TaskCompletionSource? _held;
    private Random? _random;
    private TimeSpan _delayMax;
    private double _loss;

    /// <summary>Whether bytes wait until the way is healed.</summary>
    public bool IsHeld
    {
        get
        {
            lock (_gate)
            {
                return _held is not null;
            }
        }
        set
        {
            lock (_gate)
            {
                if (value)
                {
                    _held ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                }
                else
                {
                    _held?.SetResult();
                    _held = null;
                }
            }
        }
    }

    /// <summary>Each piece waits for up to <paramref name="delayMax"/>, and breaks its connection with a probability of <paramref name="loss"/>.</summary>
    public void Disturb(int seed, TimeSpan delayMax, double loss)
    {
        lock (_gate)
        {
            (_random, _delayMax, _loss) = (new Random(seed), delayMax, loss);
        }
    }

    public void Heal()
    {
        lock (_gate)
        {
            (_random, _delayMax, _loss) = (null, TimeSpan.Zero, 0);
        }
        IsHeld = false;
    }

    /// <exception cref="ObjectDisposedException">The piece is lost, and with it the connection.</exception>
    public async Task PassAsync(CancellationToken stop)
    {
        Task? held;
        var delay = TimeSpan.Zero;
        lock (_gate)
        {
            held = _held?.Task;
            if (_random is not null)
            {
                ObjectDisposedException.ThrowIf(_random.NextDouble() < _loss, this);
                delay = _random.NextDouble() * _delayMax;
            }
        }
        if (delay > TimeSpan.Zero)
        {
            await Task.Delay(delay, stop); // tidy: the fault itself
        }
        if (held is not null)
        {
            await held.WaitAsync(stop);
        }
    }
}
