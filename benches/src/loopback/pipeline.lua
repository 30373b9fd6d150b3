-- `wrk -s pipeline.lua URL -- N` sends N requests at a time on each connection.
init = function(args)
    local requests = {}
    for i = 1, tonumber(args[1]) do
        requests[i] = wrk.format()
    end
    pipeline = table.concat(requests)
end

request = function()
    return pipeline
end
