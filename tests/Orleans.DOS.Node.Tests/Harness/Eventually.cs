using System.Diagnostics;

namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>Waits for what must become true, by looking again and again until a deadline.</summary>
public static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Answers how long it took.</summary>
    /// <param name="explain">Told when the deadline passes, e.g. the logs.</param>
    public static async Task<TimeSpan> TrueAsync(string what, TimeSpan deadline, Func<Task<bool>> condition, Func<string>? explain = null)
    {
        var started = Stopwatch.StartNew();
        Exception? last = null;
        while (true)
        {
            try
            {
                if (await condition())
                {
                    return started.Elapsed <= deadline ? started.Elapsed
                        : throw new TimeoutException($"only after {started.Elapsed.TotalSeconds:0.00} s, not within {deadline.TotalSeconds:0.#} s: {what}\n{explain?.Invoke()}");
                }
                last = null;
            }
            catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException or IOException or DosException)
            {
                last = failure;
            }
            if (started.Elapsed > deadline)
            {
                throw new TimeoutException($"not within {deadline.TotalSeconds:0.#} s: {what}. {last?.Message}\n{explain?.Invoke()}");
            }
            await Task.Delay(Pause); // tidy: polls another process, with a deadline
        }
    }
}
