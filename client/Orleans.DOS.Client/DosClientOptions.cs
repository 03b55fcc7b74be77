namespace Orleans.DOS.Client;

/// <summary>How an application reaches the cluster: exactly one of <see cref="UseHttp"/> and <see cref="UseOrleans"/>.</summary>
public sealed class DosClientOptions
{
    internal bool OverOrleans { get; private set; }
    internal Http.HttpMachineOptions? Door { get; private set; }

    /// <summary>Over HTTP, from anywhere.</summary>
    /// <param name="urls">HTTP doors of nodes; more than one, so that the loss of a node is not noticed.</param>
    public void UseHttp(IEnumerable<Uri> urls, string token, string machine = "main") => Set(false, urls, token, machine);

    /// <summary>
    /// Over Orleans, from inside the cluster's network: the cluster's name, the gateways and the caller's own identity are learned from the
    /// nodes at <paramref name="urls"/>, so that no client needs the database.
    /// </summary>
    public void UseOrleans(IEnumerable<Uri> urls, string token, string machine = "main") => Set(true, urls, token, machine);

    private void Set(bool overOrleans, IEnumerable<Uri> urls, string token, string machine)
    {
        ArgumentNullException.ThrowIfNull(urls);
        if (Door is not null)
        {
            throw new InvalidOperationException("the way to the cluster is chosen already");
        }
        (OverOrleans, Door) = (overOrleans, new Http.HttpMachineOptions { Urls = [.. urls], Token = token, Machine = machine });
    }
}
