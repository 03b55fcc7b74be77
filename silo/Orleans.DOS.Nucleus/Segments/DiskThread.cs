namespace Orleans.DOS.Segments;

/// <summary>
/// A thread that does blocking disk calls in the order in which they were posted: the grain service's scheduler and the thread pool
/// never wait for a disk. A queue is bounded by the owners' credit windows (<see cref="Limits.FramesInFlightMax"/> a segment).
/// </summary>
internal sealed class DiskThread : IDisposable
{
    private readonly WorkQueue<Action> _work = new();
    private readonly Thread _thread;

    public DiskThread(string name)
    {
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <exception cref="ObjectDisposedException"/>
    public void Post(Action work) => ObjectDisposedException.ThrowIf(!_work.TryAdd(work), this);

    /// <param name="failed">Told what the work threw, or that the store is closed.</param>
    public void Post(Action work, Action<Exception> failed)
    {
        var isOpen = _work.TryAdd(() =>
        {
            try
            {
                work();
            }
            catch (Exception exception)
            {
                failed(exception);
            }
        });
        if (!isOpen)
        {
            failed(new DosException(DosErrorCode.Unavailable, "The segment store is closed"));
        }
    }

    public Task<T> RunAsync<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() => done.SetResult(work()), done.SetException);
        return done.Task;
    }

    /// <summary>Ends the thread when what was posted is done.</summary>
    public void Dispose()
    {
        _work.Close();
        _thread.Join();
    }

    private void Run()
    {
        while (_work.Take(out var work))
        {
            work();
        }
    }
}
